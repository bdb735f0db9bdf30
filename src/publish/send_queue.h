// What waits and what is in flight, without threads, time or I/O.
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

/// Requests in the order they came, holds among them, and the window in flight.
/// A hold at the head keeps back all that came after it. Not thread-safe.
class SendQueue {
 public:
  using Token = std::uint64_t;

  struct Entry {
    core::OutgoingMessage message;
    base::TimePoint deadline;
    std::shared_ptr<Caller> caller;  ///< may be answered while it is still in flight
    bool in_flight = false;
  };
  struct Start {
    Token token;
    const core::OutgoingMessage* message;  ///< good until the token is finished
    std::shared_ptr<Caller> caller;
  };

  void push(Entry entry);
  void push_hold(std::uint64_t id, base::TimePoint until);
  void release_hold(std::uint64_t id);

  /// The next request if it may go now: nothing holds it and fewer than
  /// window(its QoS) are in flight. It is in flight from here on.
  std::optional<Start> start_next(const std::function<std::size_t(core::QoS)>& window);
  /// Not in flight any more, to be sent again before all that waits (in the
  /// order of tokens). One answered meanwhile goes for good.
  void send_again(Token token);
  /// Takes a request out; none for unknown tokens.
  std::optional<Entry> finish(Token token);

  /// Requests past their deadline, to be answered (if they are not, meanwhile). One
  /// in flight keeps its place in the window, without its payload, until it is finished.
  std::vector<Entry> expire(base::TimePoint now);
  /// Ends holds past their time; true if there were any.
  bool expire_holds(base::TimePoint now);
  /// The earliest deadline or hold's end.
  std::optional<base::TimePoint> next_deadline() const;

  /// Everything, in order; the queue is empty afterwards.
  std::vector<Entry> take_all();

  bool empty() const { return entries_.empty(); }
  bool any_waits() const { return entries_.size() > in_flight_; }
  std::size_t in_flight() const { return in_flight_; }
  bool held() const;  ///< a hold stands at the head

 private:
  struct Place {
    bool is_hold;
    std::uint64_t id;  // Token or hold id
  };
  void drop_gone_places();

  Token last_token_ = 0;
  std::unordered_map<Token, Entry> entries_;
  std::deque<Place> order_;       // tokens of entries gone are skipped
  std::set<Token> again_;         // before all of order_
  std::map<std::uint64_t, base::TimePoint> holds_;
  std::set<std::pair<base::TimePoint, Token>> deadlines_;
  std::size_t in_flight_ = 0;
};

}  // namespace dapr_mqtt::publish
