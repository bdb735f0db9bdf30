// Port to what must outlive the process of an instance's MQTT sessions, as the
// broker's side of them does. Implemented by src/storage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::core {

/// A message of QoS 2 that is on its way in, by the connection that it came on
/// (its index within the instance) and its packet identifier; 0: none.
struct PacketKey {
  std::size_t connection = 0;
  std::uint16_t id = 0;
};

/// Messages of QoS 2 on one connection that have come in and are not released by
/// the broker yet (MQTT 3.1.1 section 4.3.3, MQTT 5 section 4.3.3).
///
/// What is changed here is safe after the next Inbox::commit(), before which the broker must
/// not learn of it. An error: it cannot be kept, and the broker must not learn of it at all.
///
/// Thread safety: from the client's receive thread and one more that makes the
/// client, not at the same time.
class PacketStore {
 public:
  using Id = std::uint16_t;

  virtual ~PacketStore() = default;

  /// The message itself, to be delivered when it is released (MQTT 3.1.1). Goes with the
  /// append of the message to the inbox, in one transaction, so that a crash neither loses
  /// nor doubles it.
  virtual base::Status put_body(Id id, std::string packet) = 0;
  /// That the message has come in, for the time until it is released (MQTT 5,
  /// where it is delivered at once). Comes with the append of the message to the inbox, in
  /// one transaction.
  virtual void put_mark(Id id) = 0;
  /// It is released, or was never put.
  virtual base::Status remove(Id id) = 0;
  /// The broker has lost the session.
  virtual base::Status clear() = 0;

  struct Entry {
    Id id = 0;
    bool mark = false;
  };
  virtual std::vector<Entry> entries() const = 0;
  /// One of them.
  virtual std::optional<Entry> find(Id id) const = 0;
  /// The packet of put_body; none for a mark, and when the disk fails.
  virtual std::optional<std::string> body(Id id) const = 0;
};

/// A subscription that a connection's session has, or had.
struct SessionSubscription {
  std::size_t connection = 0;
  TopicFilter filter;
};

/// Thread safety: subscribed and unsubscribed from one thread, the other two from
/// any, each once for a connection.
class SessionStore {
 public:
  virtual ~SessionStore() = default;

  /// Lives as long as this.
  virtual PacketStore& packets(std::size_t connection) = 0;

  /// What an earlier process has left in its sessions.
  virtual std::vector<SessionSubscription> subscriptions() const = 0;
  /// Before SUBSCRIBE goes out. On disk when this returns, or as soon as the disk
  /// takes it.
  virtual void subscribed(std::size_t connection, const TopicFilter& filter) = 0;
  /// After UNSUBSCRIBE was answered.
  virtual void unsubscribed(std::size_t connection, const TopicFilter& filter) = 0;
};

}  // namespace dapr_mqtt::core
