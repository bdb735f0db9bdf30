#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/session_store.h"
#include "storage/session_table.h"

namespace dapr_mqtt::storage {

/// The state of an instance's sessions, and the changes that are not on disk yet: removals of packet
/// identifiers until write_unwritten(), and changes of subscriptions that could not be written.
/// Bounded by the protocol: 65,535 identifiers for each connection, and the subscriptions. The inbox
/// writes packet identifiers, with their messages.
///
/// Not thread-safe. The caller owns the table, which may be null after it was closed: then all stays
/// in memory.
class SessionState {
 public:
  /// Returns how many damaged rows were left out.
  base::Result<std::size_t> load(SessionTable& table);

  /// Adds it in memory only; stored() says that it is on disk too.
  void put(core::PacketKey key) { packets_.emplace(key, false); }
  void stored(core::PacketKey key);
  /// True: it was in memory only, or is not known. False: it must be removed from the disk, and
  /// written() returns `safe` when that is done.
  bool remove(core::PacketKey key, const core::Receipt& safe);
  /// Likewise, for all identifiers of a connection.
  bool clear(std::size_t connection, const core::Receipt& safe);
  bool contains(core::PacketKey key) const { return packets_.contains(key); }
  std::vector<core::PacketStore::Id> ids(std::size_t connection) const;

  base::Status subscribed(SessionTable* table, core::SessionSubscription subscription);
  base::Status unsubscribed(SessionTable* table, const core::SessionSubscription& subscription);
  std::vector<core::SessionSubscription> subscriptions() const;

  bool has_unwritten() const { return !removals_.empty() || !filters_unwritten_.empty(); }
  /// To be called in a transaction, and written() after its commit.
  base::Status write_unwritten(SessionTable& table) const;
  /// Appends the receipts that must be given now.
  void written(std::vector<core::Receipt>& receipts);
  bool nothing_stored() const;

 private:
  struct KeyLess {
    bool operator()(core::PacketKey a, core::PacketKey b) const {
      return a.connection != b.connection ? a.connection < b.connection : a.id < b.id;
    }
  };
  enum class Write { kPut, kErase };
  using FilterKey = std::pair<std::size_t, core::TopicFilter>;

  std::map<core::PacketKey, bool, KeyLess> packets_;  ///< true: it is on disk
  std::set<core::PacketKey, KeyLess> removals_;       ///< to be removed from the disk
  std::vector<core::Receipt> removal_receipts_;       ///< to be given when that is done
  std::vector<core::SessionSubscription> subscriptions_;
  std::map<FilterKey, Write> filters_unwritten_;
};

}  // namespace dapr_mqtt::storage
