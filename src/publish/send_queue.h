// The publishes that wait and those in flight, without threads, clock or I/O.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/core/message.h"
#include "publish/caller.h"

namespace dapr_mqtt::publish {

/// Requests and holds in arrival order, and the window in flight. A hold at the head keeps back all
/// requests that came after it. Not thread-safe.
class SendQueue {
 public:
  using Token = std::uint64_t;

  struct Entry {
    core::OutgoingMessage message;
    base::TimePoint deadline;
    std::shared_ptr<Caller> caller;  ///< may be answered while it is still in flight
    bool in_flight = false;
    base::TimePoint sent{};  ///< when it was sent last
  };
  struct Start {
    Token token;
    const core::OutgoingMessage* message;  ///< valid until finish(token)
    std::shared_ptr<Caller> caller;
  };

  /// A request that is in flight for longer than `patience` and past its deadline counts as
  /// unacknowledged.
  explicit SendQueue(base::Duration patience = std::chrono::seconds(20)) : patience_(patience) {}

  void push(Entry entry);
  void push_hold(std::uint64_t id, base::TimePoint until);
  void release_hold(std::uint64_t id);

  /// The next request, if no hold keeps it back and fewer than window(token, QoS) are in flight. It
  /// counts as in flight from now on.
  std::optional<Start> start_next(const std::function<std::size_t(Token, core::QoS)>& window,
                                  base::TimePoint now);
  /// The request is no longer in flight. It will be sent again before all that wait, in the order
  /// of tokens. If its caller has been answered meanwhile, it is removed instead.
  void send_again(Token token);
  /// Removes a request and returns it; none for unknown tokens.
  std::optional<Entry> finish(Token token);

  /// Returns the requests past their deadline, for their callers to be answered. One that is in
  /// flight stays in the window, without its payload, until finish() or send_again().
  std::vector<Entry> expire(base::TimePoint now);
  /// A request that is unacknowledged, or null. After one was returned, the next comes no sooner
  /// than after `patience`.
  const Entry* unacknowledged(base::TimePoint now);
  /// Removes the holds past their time; true if there were any.
  bool expire_holds(base::TimePoint now);
  /// The earliest time at which a deadline or a hold ends, or a request may be unacknowledged.
  std::optional<base::TimePoint> next_deadline() const;

  /// Everything, in order; the queue is empty afterwards.
  std::vector<Entry> take_all();

  bool contains(Token token) const { return entries_.contains(token); }
  bool empty() const { return entries_.empty(); }
  bool any_waits() const { return entries_.size() > in_flight_; }
  std::size_t in_flight() const { return in_flight_; }
  bool held() const;  ///< a hold stands at the head

 private:
  const base::Duration patience_;

  struct Place {
    bool is_hold;
    std::uint64_t id;  // Token or hold id
  };
  void drop_gone_places();

  Token last_token_ = 0;
  std::unordered_map<Token, Entry> entries_;
  std::deque<Place> order_;  // may have places whose request or hold is gone
  std::set<Token> again_;    // to be sent again, before all of order_
  std::map<std::uint64_t, base::TimePoint> holds_;
  std::set<std::pair<base::TimePoint, Token>> deadlines_;
  /// Requests in flight past their deadlines, by the time at which they count as unacknowledged.
  std::multimap<base::TimePoint, Token> overdue_;
  std::size_t in_flight_ = 0;
};

}  // namespace dapr_mqtt::publish
