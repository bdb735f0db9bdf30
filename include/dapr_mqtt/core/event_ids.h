// Port to the store that keeps the ID and time of a message's events the same when the broker sends
// the message again to another process. Implemented by src/storage.
#pragma once

#include "dapr_mqtt/core/message.h"

namespace dapr_mqtt::core {

/// For one connection of a persistent session: remembers what the ID and the time of a message's
/// events are made of (IncomingMessage::event_seed and received), until the message is acknowledged
/// to the broker (PacketStore::acknowledging()).
///
/// What it remembers survives the process's being killed, but not a power cut.
///
/// Thread safety: any thread, one call at a time for each connection, like PacketStore.
class EventIds {
 public:
  virtual ~EventIds() = default;

  /// Called for a new message of QoS 1 or 2 before it goes into the inbox. If the message came
  /// before and was not acknowledged (DUP, the same packet identifier, the same content), it gets
  /// its earlier seed and time. Else what was recorded for its packet identifier is dropped, and it
  /// gets a new seed, which is recorded, if events are made of it, or none (0).
  ///
  /// May wait for a disk. If the disk fails, the message has no seed. Throws nothing but
  /// std::bad_alloc.
  virtual void received(IncomingMessage& message, bool makes_events) = 0;
};

}  // namespace dapr_mqtt::core
