#pragma once

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "dapr_mqtt/core/inbox.h"

namespace dapr_mqtt::storage {

/// Changes that are not in the database yet: for each message the one change that brings its row up
/// to date. So a message that is settled before it was written is never written. Bounded by the
/// number of messages, plus those deleted since the last write. Not thread-safe.
class PendingChanges {
 public:
  enum class Kind {
    kInsert,  ///< there is no row yet
    kUpdate,  ///< queue, due time or failures have changed
    kDelete,
  };
  using Changes = std::vector<std::pair<core::InboxId, Kind>>;

  bool empty() const { return changes_.empty(); }
  std::size_t size() const { return changes_.size(); }
  std::size_t inserts() const { return inserts_; }

  void added(core::InboxId id) { set(id, Kind::kInsert); }
  void changed(core::InboxId id) { changes_.emplace(id, Kind::kUpdate); }  // an older kInsert stays
  void gone(core::InboxId id);

  /// Removes and returns up to `most` changes, the oldest messages' first.
  Changes take(std::size_t most);
  /// Likewise, but deletes only.
  Changes take_deletes(std::size_t most);
  /// The oldest message that has no row yet; `otherwise` when there is none.
  core::InboxId first_insert(core::InboxId otherwise) const;
  bool any_from(core::InboxId first) const { return changes_.lower_bound(first) != changes_.end(); }
  /// Moves the changes of the messages from `first` on to the end of `taken`.
  void take_from(core::InboxId first, Changes& taken);
  /// The messages from `first` on that have no row yet.
  std::vector<core::InboxId> inserts_from(core::InboxId first) const;
  /// Adds changes that could not be written. Newer changes of the same messages have priority.
  void put_back(const Changes& changes);

 private:
  void set(core::InboxId id, Kind kind);

  std::map<core::InboxId, Kind> changes_;
  std::size_t inserts_ = 0;
};

}  // namespace dapr_mqtt::storage
