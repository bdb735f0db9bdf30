#include "simulation/delivery_ledger.h"

#include <algorithm>

namespace dapr_mqtt::simulation {

using Mode = core::ConcurrencyMode;

void Ledger::require(bool holds, const std::string& promise) {
  if (!holds && !violation_) violation_ = promise;
}

Ledger::Life* Ledger::life(const std::string& filter, Number number) {
  Queue& queue = queues_[filter];
  const auto it = queue.lives.find(number);
  require(it != queue.lives.end(),
          "message " + std::to_string(number) + " was never meant for filter " + filter);
  return it == queue.lives.end() ? nullptr : &it->second;
}

void Ledger::arrived(const std::string& filter, Number number, bool droppable,
                     const std::string& key) {
  Life life;
  life.droppable = droppable;
  life.key = key;
  require(queues_[filter].lives.emplace(number, life).second, "simulation: number used twice");
}

void Ledger::claimed(const std::string& filter, Number number) {
  auto node = queues_[""].lives.extract(number);
  require(!node.empty(), "simulation: claimed twice");
  if (!node.empty()) queues_[filter].lives.insert(std::move(node));
}

void Ledger::delivered(const std::string& filter, Number number, const core::Delivery& delivery,
                       const core::InboxUsage& held, base::WallTime now) {
  Life* it = life(filter, number);
  if (it == nullptr) return;
  Queue& queue = queues_[filter];
  const std::string name = "message " + std::to_string(number) + " of filter " + filter + ": ";
  require(it->state != Life::State::kOut, name + "two deliveries outstanding");
  require(it->state == Life::State::kWaiting, name + "delivered after its end");
  require(delivery.attempt == it->failures + 1, name + "wrong attempt number");
  require(it->due <= now, name + "delivered before it was due");
  require(held.messages == 0 ||
              (held.messages < policy_.window.messages && held.bytes < policy_.window.bytes),
          name + "window exceeded");
  if (!it->seen) {
    require(number > queue.last_first || policy_.order.mode == Mode::kOrdered,
            name + "first delivery out of order");
    queue.last_first = number;
    it->seen = true;
  }
  if (policy_.order.mode != Mode::kParallel) {
    const bool single = policy_.order.mode == Mode::kSingle;
    for (const auto& [other, l] : queue.lives) {
      if (!single && l.key != it->key) continue;
      require(l.state != Life::State::kOut, name + "two outstanding that are to be in order");
      require(other >= number || l.state != Life::State::kWaiting || l.droppable,
              name + "overtakes one that waits");
    }
  }
  it->state = Life::State::kOut;
}

void Ledger::out_no_more(Life& life, Life::State next) {
  require(life.state == Life::State::kOut, "simulation: answered what was not outstanding");
  life.state = next;
}

void Ledger::acknowledged(const std::string& filter, Number number) {
  if (Life* it = life(filter, number)) out_no_more(*it, Life::State::kAcknowledged);
}

void Ledger::failed(const std::string& filter, Number number, base::WallTime now) {
  Life* it = life(filter, number);
  if (it == nullptr) return;
  out_no_more(*it, Life::State::kWaiting);
  ++it->failures;
  it->due = now + policy_.retry_interval;
  it->spent = policy_.max_retries >= 0 && it->failures > policy_.max_retries;
}

void Ledger::returned(const std::string& filter, Number number) {
  if (Life* it = life(filter, number)) out_no_more(*it, Life::State::kWaiting);
}

void Ledger::abandoned(const std::string& filter) {
  for (auto& [number, l] : queues_[filter].lives) l.droppable = true;
}

void Ledger::given_up(const std::string& filter, Number number, delivery::GivenUp::Reason reason) {
  Life* it = life(filter, number);
  if (it == nullptr) return;
  const std::string name = "message " + std::to_string(number) + ": ";
  require(it->state == Life::State::kWaiting, name + "given up twice or while outstanding");
  require(it->spent == (reason == delivery::GivenUp::Reason::kRetriesSpent),
          name + "given up against the policy");
  it->state = Life::State::kGivenUp;
}

void Ledger::close(std::uint64_t dropped) {
  std::uint64_t missing = 0;
  for (const auto& [filter, queue] : queues_) {
    for (const auto& [number, l] : queue.lives) {
      const std::string name = "message " + std::to_string(number) + " of filter " + filter + ": ";
      require(l.state != Life::State::kOut, name + "outstanding at the end");
      require(!l.spent || l.state == Life::State::kGivenUp, name + "retries spent, not given up");
      if (l.state != Life::State::kWaiting) continue;
      require(l.droppable, name + "lost");
      ++missing;
    }
  }
  require(missing == dropped, std::to_string(missing) + " messages are missing, " +
                                  std::to_string(dropped) + " were counted as dropped");
}

}  // namespace dapr_mqtt::simulation
