// Port to the store of the client's side of an instance's MQTT sessions. Like the
// broker's side, it must outlive the process. Implemented by src/storage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/receipt.h"
#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::core {

class EventIds;

/// The packet of a received message: the connection that it came on (its index within the instance)
/// and its packet identifier; 0: none.
struct PacketKey {
  std::size_t connection = 0;
  std::uint16_t id = 0;
};

/// The packet identifiers of one connection's QoS 2 messages that were received and that the broker
/// has not released yet with PUBREL: the receiver's state in "method B" of MQTT 3.1.1 section
/// 4.3.3 (figure 4.3) and in MQTT 5 section 4.3.3. A PUBLISH with such an identifier is a
/// duplicate.
///
/// Kept in memory, and on disk as soon as the identifier's message is stored there.
///
/// Thread safety: any thread, one call at a time for each connection.
class PacketStore {
 public:
  using Id = std::uint16_t;

  virtual ~PacketStore() = default;

  /// Records that this packet identifier was received and not yet released. Called before its
  /// message goes into the inbox. Idempotent. Throws nothing but std::bad_alloc.
  virtual void put(Id id) = 0;
  /// The broker released it (PUBREL), or its message was not taken in. `safe` is given, perhaps at
  /// once, when no restart can bring the identifier back: only then may PUBCOMP go out, after which
  /// the broker may use the identifier for another message. Unknown ids count as removed. An error:
  /// it is not removed, and `safe` is never given (CANCELLED: the inbox is closed;
  /// RESOURCE_EXHAUSTED: out of memory).
  virtual base::Status remove(Id id, Receipt safe) = 0;
  /// Removes all identifiers: the broker has no session for this client any more. Otherwise like
  /// remove().
  virtual base::Status clear(Receipt safe) = 0;

  /// Whether acknowledging() must be called before an acknowledgement goes out. From any thread at
  /// any time; does not wait.
  virtual bool wants_acknowledging() const { return false; }
  /// PUBACK or PUBREC for these messages is about to be sent; after that the broker may use the
  /// identifiers for others. May wait for a disk. Throws nothing but std::bad_alloc; then the
  /// acknowledgements must not be sent.
  virtual void acknowledging(const std::vector<Id>& /*ids*/) {}

  virtual bool contains(Id id) const = 0;
  /// In ascending order.
  virtual std::vector<Id> ids() const = 0;
};

/// A subscription that a connection's session has, or had.
struct SessionSubscription {
  std::size_t connection = 0;
  TopicFilter filter;
};

/// Thread safety: subscribed and unsubscribed from one thread; the other methods
/// from any thread, packets and event_ids once for each connection.
class SessionStore {
 public:
  virtual ~SessionStore() = default;

  /// Lives as long as this.
  virtual PacketStore& packets(std::size_t connection) = 0;
  /// Lives as long as this. null: this store keeps no event IDs.
  virtual EventIds* event_ids(std::size_t /*connection*/) { return nullptr; }

  /// The subscriptions that an earlier process has left in its sessions.
  virtual std::vector<SessionSubscription> subscriptions() const = 0;
  /// Called before SUBSCRIBE is sent. The filter is on disk when this returns, or as
  /// soon as the disk works again.
  virtual void subscribed(std::size_t connection, const TopicFilter& filter) = 0;
  /// Called after UNSUBACK was received.
  virtual void unsubscribed(std::size_t connection, const TopicFilter& filter) = 0;
};

}  // namespace dapr_mqtt::core
