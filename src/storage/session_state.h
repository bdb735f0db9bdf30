#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/session_store.h"
#include "storage/session_table.h"

namespace dapr_mqtt::storage {

/// What is in an instance's sessions, and what of it the disk does not have yet: changes of
/// packets until write_unwritten(), those of subscriptions when they could not be written.
/// Bounded by the protocol: 65,535 packets a connection, and the subscriptions.
///
/// Not thread-safe. The table is the caller's, who may have none any more (null):
/// then all stays in memory.
class SessionState {
 public:
  base::Status load(SessionTable& table);

  void put_body(core::PacketKey key, std::string body);
  void put_mark(core::PacketKey key);
  void remove(core::PacketKey key);
  void clear(std::size_t connection);
  std::vector<core::PacketStore::Entry> entries(std::size_t connection) const;
  std::optional<core::PacketStore::Entry> find(core::PacketKey key) const;
  std::optional<std::string> body(SessionTable* table, core::PacketKey key) const;

  /// The message that `key` brought is in the inbox: to be written in one transaction with it.
  void appended(core::PacketKey key);

  base::Status subscribed(SessionTable* table, core::SessionSubscription subscription);
  base::Status unsubscribed(SessionTable* table, const core::SessionSubscription& subscription);
  std::vector<core::SessionSubscription> subscriptions() const;

  bool has_unwritten() const { return !packets_unwritten_.empty() || !filters_unwritten_.empty(); }
  /// In a transaction; written() after its commit.
  base::Status write_unwritten(SessionTable& table) const;
  void written();
  bool empty() const { return packets_.empty() && subscriptions_.empty(); }

 private:
  struct KeyLess {
    bool operator()(core::PacketKey a, core::PacketKey b) const {
      return a.connection != b.connection ? a.connection < b.connection : a.id < b.id;
    }
  };
  enum class Packet {
    kBody,
    kMarkToCome,  ///< with the append of its message
    kMark,
  };
  enum class Write { kPut, kErase };
  struct Unwritten {
    Write write;
    std::optional<std::string> body;
  };
  using FilterKey = std::pair<std::size_t, core::TopicFilter>;

  std::map<core::PacketKey, Packet, KeyLess> packets_;
  std::map<core::PacketKey, Unwritten, KeyLess> packets_unwritten_;
  std::vector<core::SessionSubscription> subscriptions_;
  std::map<FilterKey, Write> filters_unwritten_;
};

}  // namespace dapr_mqtt::storage
