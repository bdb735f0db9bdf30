// What must be true for every message; independent of the code that delivers.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dapr_mqtt/core/message.h"
#include "dapr_mqtt/core/subscriber.h"
#include "dapr_mqtt/delivery/policy.h"

namespace dapr_mqtt::simulation {

/// Follows each message in each filter's queue and checks the promises. violation() keeps the first
/// broken promise.
class Ledger {
 public:
  /// Messages are numbered by the simulation, in order of arrival.
  using Number = std::uint64_t;

  explicit Ledger(const delivery::Policy& policy) : policy_(policy) {}

  /// A message came in for this filter. `droppable`: a full inbox may drop it.
  /// `key`: what must stay in order with ConcurrencyMode::kOrdered.
  void arrived(const std::string& filter, Number number, bool droppable, const std::string& key);

  /// This filter has claimed a message that had come in for no filter ("").
  void claimed(const std::string& filter, Number number);
  /// `held`: the messages that the stream held before.
  void delivered(const std::string& filter, Number number, const core::Delivery& delivery,
                 const core::InboxUsage& held, base::WallTime now);
  void acknowledged(const std::string& filter, Number number);
  void failed(const std::string& filter, Number number, base::WallTime now);
  void returned(const std::string& filter, Number number);
  /// From now on, messages that wait for this filter may be dropped.
  void abandoned(const std::string& filter);
  /// The dispatcher reports that it has given the message up.
  void given_up(const std::string& filter, Number number, delivery::GivenUp::Reason reason);

  /// To be called at the end, with an empty inbox: every message has ended in a way that the policy
  /// allows, and as many are missing as were reported as dropped.
  void close(std::uint64_t dropped);

  void require(bool holds, const std::string& promise);
  const std::optional<std::string>& violation() const { return violation_; }

 private:
  struct Life {
    enum class State { kWaiting, kOut, kAcknowledged, kGivenUp };
    State state = State::kWaiting;
    bool droppable = false;
    std::string key;
    bool seen = false;   ///< delivered at least once
    bool spent = false;  ///< failed as often as the policy allows: must be given up
    std::uint32_t failures = 0;
    base::WallTime due{};
  };
  struct Queue {
    std::map<Number, Life> lives;
    Number last_first = 0;  ///< youngest that was delivered for the first time
  };

  Life* life(const std::string& filter, Number number);
  void out_no_more(Life& life, Life::State next);

  const delivery::Policy policy_;
  std::map<std::string, Queue> queues_;
  std::optional<std::string> violation_;
};

}  // namespace dapr_mqtt::simulation
