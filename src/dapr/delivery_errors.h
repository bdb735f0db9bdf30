#pragma once

#include <string>

#include "dapr_mqtt/core/subscriber.h"

namespace dapr_mqtt::dapr {

/// Classifies the text of daprd's ack_error: the app failed the message, or daprd did not reach the
/// app. Only texts that cannot come from the app count as the latter; an unknown text means that
/// the app failed.
core::DeliveryError delivery_error(std::string text);

}  // namespace dapr_mqtt::dapr
