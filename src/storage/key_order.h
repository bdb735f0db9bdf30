#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "dapr_mqtt/core/delivery_order.h"
#include "dapr_mqtt/core/inbox.h"
#include "storage/waiting_order.h"

namespace dapr_mqtt::storage {

/// The messages of one queue by their keys, to find those that may be taken in
/// Inbox::Order::kByKey. Used in addition to the queue's WaitingOrder, and only if that order was
/// requested. The cost of each operation is logarithmic in the number of messages; a key without
/// messages costs nothing.
class KeyOrder {
 public:
  using Id = core::InboxId;
  using Key = std::uint64_t;

  explicit KeyOrder(core::OrderKey by) : by_(std::move(by)) {}

  const core::OrderKey& by() const { return by_; }

  /// Adds a waiting message: a new one, or one for which give_back() was called. `due` as in
  /// Inbox::release.
  void add(Key key, Id id, base::WallTime due);
  /// Removes a waiting message.
  void remove(Key key, Id id);
  /// Adds a taken message, after remove().
  void take(Key key, Id id);
  /// Removes a taken message.
  void give_back(Key key, Id id);

  /// Adds a message whose key is not known, since it is on disk only. While there is one, nothing is
  /// taken: it may be older than others of its key.
  void add_unread(Id id) { unread_.insert(id); }
  /// Its key is known now; add() or take() must follow. False: its key was known already.
  bool now_read(Id id) { return unread_.erase(id) > 0; }
  const std::set<Id>& unread() const { return unread_; }
  base::WallTime read_again{};  ///< when to repeat a read that has failed

  /// The next message to take: by Order::kReady, among the oldest of each key that has none taken.
  std::optional<Id> next(base::WallTime now);
  /// As WaitingOrder::give_turn_back.
  void give_turn_back() { free_.give_turn_back(); }
  /// As Inbox::next_due.
  std::optional<base::WallTime> next_due() const;

  /// The oldest waiting message of the key.
  std::optional<Id> oldest_waiting(Key key) const;
  /// Calls `go_on(id)` for the waiting messages of the key, the youngest first, until it returns
  /// false; then the same for those that are taken.
  template <typename GoOn>
  void from_youngest(Key key, const GoOn& go_on) const {
    each_from_youngest(waiting_, key, go_on);
    each_from_youngest(taken_, key, go_on);
  }

 private:
  using Place = std::pair<Key, Id>;
  using Places = std::map<Place, base::WallTime>;  // with due times

  static Places::const_iterator oldest(const Places& places, Key key);
  template <typename GoOn>
  static void each_from_youngest(const Places& places, Key key, const GoOn& go_on) {
    auto it = places.upper_bound({key, ~Id{0}});
    while (it != places.begin() && (--it)->first.first == key && go_on(it->first.second)) {
    }
  }
  bool is_taken(Key key) const { return oldest(taken_, key) != taken_.end(); }

  const core::OrderKey by_;
  Places waiting_;
  Places taken_;
  WaitingOrder free_;  // messages that may be taken
  std::set<Id> unread_;
};

}  // namespace dapr_mqtt::storage
