// What must be true of every message, kept apart from the code that delivers.
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

/// The life of each message in each filter's queue, as the promises have it.
/// The first broken promise stays in violation().
class Ledger {
 public:
  /// Messages are numbered by the simulation, in order of arrival.
  using Number = std::uint64_t;

  explicit Ledger(const delivery::Policy& policy) : policy_(policy) {}

  /// It came in for this filter. `droppable`: a full inbox may drop it.
  void arrived(const std::string& filter, Number number, bool droppable);

  /// It had come in for no filter (""), and this one has claimed it.
  void claimed(const std::string& filter, Number number);
  /// `held`: what the stream held before.
  void delivered(const std::string& filter, Number number, const core::Delivery& delivery,
                 const core::InboxUsage& held, base::WallTime now);
  void acknowledged(const std::string& filter, Number number);
  void failed(const std::string& filter, Number number, base::WallTime now);
  void returned(const std::string& filter, Number number);
  /// The dispatcher says that it has given it up.
  void given_up(const std::string& filter, Number number, delivery::GivenUp::Reason reason);

  /// At the end, with an empty inbox: every message has come to an end that the
  /// policy allows, and as many are missing as were reported as dropped.
  void close(std::uint64_t dropped);

  void require(bool holds, const std::string& promise);
  const std::optional<std::string>& violation() const { return violation_; }

 private:
  struct Life {
    enum class State { kWaiting, kOut, kAcknowledged, kGivenUp };
    State state = State::kWaiting;
    bool droppable = false;
    bool seen = false;   ///< delivered at least once
    bool spent = false;  ///< failed as often as the policy allows: must be given up
    std::uint32_t failures = 0;
    base::WallTime due{};
  };
  struct Queue {
    std::map<Number, Life> lives;
    Number last_first = 0;  ///< youngest that was delivered for the first time
    std::size_t out = 0;
  };

  Life* life(const std::string& filter, Number number);
  void out_no_more(const std::string& filter, Life& life, Life::State next);

  const delivery::Policy policy_;
  std::map<std::string, Queue> queues_;
  std::optional<std::string> violation_;
};

}  // namespace dapr_mqtt::simulation
