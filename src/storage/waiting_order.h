#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "dapr_mqtt/core/inbox.h"

namespace dapr_mqtt::storage {

/// The messages of one queue that wait to be taken, found by age and by the
/// time they are due. Every operation costs by the logarithm of their number.
class WaitingOrder {
 public:
  using Id = core::InboxId;
  using Order = core::Inbox::Order;

  bool empty() const { return ready_.empty() && delayed_.empty(); }

  /// As Inbox::release.
  void add(Id id, base::WallTime due);
  /// Returns when it was due, as given.
  base::WallTime remove(Id id);

  /// The one to take next; it stays until removed.
  std::optional<Id> next(base::WallTime now, Order order);
  /// As Inbox::next_due.
  std::optional<base::WallTime> next_due(Order order) const;

  /// The oldest younger than `id`, for going through all of them.
  std::optional<Id> next_after(Id id) const;

 private:
  std::optional<std::pair<Id, base::WallTime>> oldest() const;

  std::set<Id> ready_;  // without a due time
  std::map<Id, base::WallTime> delayed_;
  std::set<std::pair<base::WallTime, Id>> delayed_by_due_;  // the same again
  bool delayed_was_last_ = false;                           // whose turn it was
};

}  // namespace dapr_mqtt::storage
