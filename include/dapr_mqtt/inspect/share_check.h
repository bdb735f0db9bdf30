// Finds out whether a broker has shared subscriptions, which MQTT 3.1.1 brokers do not announce.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>

#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/broker.h"

namespace dapr_mqtt::inspect {

/// The beginning of the topics that treats_share_as_topic() publishes to. No Component should have
/// this group by chance: a broker that treats `$share/...` as a topic would send our message to the
/// subscribers of `$share/<its group>/#`. At some of these brokers `#` gets it too (RabbitMQ,
/// Moquette).
inline constexpr std::string_view kShareCheckTopics = "$share/dapr-mqtt-check/";

/// Whether the broker treats `$share/<group>/<filter>` as a topic of that name. Brokers without
/// shared subscriptions do: they grant the subscription but never send anything to it. The check
/// subscribes to such a filter and publishes, with QoS 0 and not retained, to the topic of that
/// name. A broker with shared subscriptions sends that message to nobody. So true is a proof, but
/// false is not: some brokers accept no message with such a topic.
///
/// A status: not known, since the client ID, the subscription or the publish is refused or gets no
/// answer.
///
/// Uses two clean connections without a will, with client IDs `<client_id>-check-<suffix>-g` and
/// `-p`; the topic ends in `suffix` too, which must be unique. Blocks, for half a minute at most if
/// the broker answers nothing; `stop` ends it within a second.
base::Result<bool> treats_share_as_topic(core::BrokerClientFactory& factory, const base::Log& log,
                                         core::ConnectionOptions connection,
                                         const std::string& suffix,
                                         const std::stop_token& stop = {});

}  // namespace dapr_mqtt::inspect
