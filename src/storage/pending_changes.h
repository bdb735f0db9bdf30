#pragma once

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "dapr_mqtt/core/inbox.h"

namespace dapr_mqtt::storage {

/// What the database does not say yet: for each message the one change that
/// brings its row up to date. So a message that is settled before it was written
/// never is. Bounded by the number of messages, and by what was deleted since
/// the last write. Not thread-safe.
class PendingChanges {
 public:
  enum class Kind {
    kInsert,  ///< there is no row
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

  /// Takes out up to `most`, the oldest messages' first.
  Changes take(std::size_t most);
  bool any_from(core::InboxId first) const { return changes_.lower_bound(first) != changes_.end(); }
  /// Moves those of the messages from `first` on to the end of `taken`.
  void take_from(core::InboxId first, Changes& taken);
  /// The messages from `first` on that have no row yet.
  std::vector<core::InboxId> inserts_from(core::InboxId first) const;
  /// These could not be written; newer changes of the same messages count.
  void put_back(const Changes& changes);

 private:
  void set(core::InboxId id, Kind kind);

  std::map<core::InboxId, Kind> changes_;
  std::size_t inserts_ = 0;
};

}  // namespace dapr_mqtt::storage
