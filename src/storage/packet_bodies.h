#pragma once

#include "dapr_mqtt/base/status.h"
#include "storage/sqlite/database.h"

namespace dapr_mqtt::storage {

/// Moves the bodies that version 1 of the schema stored in packets.body to messages, unclaimed.
/// They are QoS 2 messages of MQTT 3.1.1, as whole PUBLISH packets, for which the broker got PUBREC
/// and which it will not send again. The keys stay. A body that is no such packet stays where it is
/// and is an error, which names its key: there is no other copy of that message.
///
/// For migrate(), in its transaction.
base::Status move_packet_bodies(sqlite::Database& database);

}  // namespace dapr_mqtt::storage
