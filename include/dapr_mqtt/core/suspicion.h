// Finds the request that a broker answers by closing the connection. MQTT 3.1.1 has no other way
// to reject a PUBLISH, and some brokers reject a SUBSCRIBE that way too.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace dapr_mqtt::core {

/// Finds the request for which a broker closes connections, so that only this request fails.
///
/// When the broker closes a connection, every request that was open on it is a suspect. On the
/// next connection suspects are sent first, one at a time; when many of them have been answered,
/// more at a time (few at first, since a close costs more than some round trips). If the broker
/// closes the connection again while one suspect was sent alone, that request is rejected; but only
/// after the next connection is made, since a broker that is not back at once was shutting down.
///
/// Only decides; its owner sends. `Id` is ordered. Not thread-safe.
template <typename Id>
class Suspicion {
 public:
  /// A request goes out to the broker; also called for those that brokers never answer (QoS 0).
  void sent() { ++sent_since_answer_; }

  /// The broker has answered this request, with success or an error.
  void answered(const Id& id) {
    sent_since_answer_ = 0;
    if (!open()) return;
    ++answers_;
    forget(id);
  }

  /// The broker closed the connection with these requests open.
  void closed_by_broker(const std::vector<Id>& unanswered) {
    const bool alone = unanswered.size() == 1 && sent_since_answer_ == 1;
    if (alone && suspects_.contains(unanswered.front())) closed_on_ = unanswered.front();
    suspects_.insert(unanswered.begin(), unanswered.end());
    answers_ = 0;
    sent_since_answer_ = 0;
  }
  /// The connection ended otherwise, or an attempt to connect failed.
  void not_connected() {
    closed_on_.reset();
    sent_since_answer_ = 0;
  }
  /// A connection is made; `elsewhere`: to another endpoint than the last one. Returns the request
  /// that the broker rejects, if it is known now.
  std::optional<Id> connected(bool elsewhere = false) {
    sent_since_answer_ = 0;
    // The last endpoint may have had another reason to close.
    if (elsewhere) keep_if([](const Id&) { return false; });
    std::optional<Id> rejected = std::exchange(closed_on_, std::nullopt);
    if (rejected) forget(*rejected);
    return rejected;
  }

  /// This request was rejected earlier and is to be tried again, alone.
  void suspect(const Id& id) {
    suspects_.insert(id);
    answers_ = 0;
  }

  /// This request is not to be sent any more.
  void forget(const Id& id) {
    keep_if([&](const Id& suspect) { return suspect != id; });
  }
  /// Forgets all suspects except those for which `wanted` is true.
  template <typename Wanted>
  void keep_if(Wanted wanted) {
    std::erase_if(suspects_, [&](const Id& id) { return !wanted(id); });
    if (closed_on_ && !suspects_.contains(*closed_on_)) closed_on_.reset();
    if (suspects_.empty()) answers_ = 0;
  }

  /// There are suspects, which are sent first.
  bool open() const { return !suspects_.empty(); }
  bool suspects(const Id& id) const { return suspects_.contains(id); }
  /// This request may be sent while fewer requests than this are open. `otherwise`: the number when
  /// there are no suspects.
  std::size_t window(const Id& id, std::size_t otherwise) const {
    if (!open()) return otherwise;
    return std::min(otherwise, suspects(id) ? 1 + answers_ / kAnswersForOneMore : 1);
  }

 private:
  static constexpr std::size_t kAnswersForOneMore = 4;

  std::set<Id> suspects_;
  std::optional<Id> closed_on_;  ///< the suspect that was open alone when the broker closed again
  std::size_t answers_ = 0;      ///< since the broker last closed the connection
  std::size_t sent_since_answer_ = 0;
};

}  // namespace dapr_mqtt::core
