#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "dapr_mqtt/core/inbox.h"

namespace dapr_mqtt::storage {

/// The messages of one queue that wait to be taken, sorted by age and by due time. The cost of each
/// operation is logarithmic in their number.
class WaitingOrder {
 public:
  using Id = core::InboxId;
  using Order = core::Inbox::Order;

  bool empty() const { return ready_.empty() && delayed_.empty(); }

  /// As Inbox::release.
  void add(Id id, base::WallTime due);
  /// Returns its due time, as given to add().
  base::WallTime remove(Id id);

  /// The next message to take; it stays until remove().
  std::optional<Id> next(base::WallTime now, Order order);
  /// The message that next() has just returned is not taken: undoes the change of turns between
  /// messages with and without a due time.
  void give_turn_back() { delayed_was_last_ = delayed_was_last_before_; }
  /// As Inbox::next_due.
  std::optional<base::WallTime> next_due(Order order) const;

  /// The message with the smallest id above `id`, for iterating over all.
  std::optional<Id> next_after(Id id) const;

 private:
  std::optional<std::pair<Id, base::WallTime>> oldest() const;

  std::set<Id> ready_;  // without a due time
  std::map<Id, base::WallTime> delayed_;
  std::set<std::pair<base::WallTime, Id>> delayed_by_due_;  // the same as delayed_, by due time
  bool delayed_was_last_ = false;                           // next() returned one of delayed_
  bool delayed_was_last_before_ = false;                    // delayed_was_last_ before that next()
};

}  // namespace dapr_mqtt::storage
