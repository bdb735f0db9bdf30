// One instance at a time for each MQTT identity (brokers and consumerID): two
// would take the broker's connection from one another for ever (MQTT-3.1.4-2).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <list>
#include <string>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::instance {

/// Thread-safe; all callbacks run on the executor, which is stopped before this
/// goes.
class IdentityRegistry {
 public:
  /// Holds an identity until it is destroyed, on any thread.
  class Claim {
   public:
    Claim(IdentityRegistry& registry, std::string identity)
        : registry_(registry), identity_(std::move(identity)) {}
    ~Claim() { registry_.release(identity_); }
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;

   private:
    IdentityRegistry& registry_;
    const std::string identity_;
  };
  /// The claim, or FAILED_PRECONDITION that names the present owner.
  using Claimed = std::function<void(base::Result<std::shared_ptr<Claim>>)>;

  explicit IdentityRegistry(base::Executor& executor) : executor_(executor) {}

  /// Waits until `deadline` for the present owner to let go: a daprd that
  /// reloads or restarts comes before the end of its old connection is seen.
  /// `owner` is named to whoever asks for the same identity meanwhile.
  void claim(std::string identity, std::string owner, base::TimePoint deadline, Claimed claimed);

 private:
  struct Waiter {
    std::string owner;
    Claimed claimed;
    base::Executor::TimerId timer = 0;
  };
  struct Held {
    std::string owner;
    std::list<Waiter> waiters;
  };

  void release(const std::string& identity);
  void grant(const std::string& identity, const Claimed& claimed);

  base::Executor& executor_;
  std::map<std::string, Held> held_;  // the executor's alone
};

}  // namespace dapr_mqtt::instance
