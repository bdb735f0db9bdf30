// One instance at a time for each MQTT identity (brokers and consumerID): two
// instances would take over each other's connection for ever (MQTT-3.1.4-2).
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::instance {

/// Thread-safe; all callbacks run on the executor, which must be stopped before
/// this is destroyed.
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

  /// Waits until `deadline` for the present owner to release the identity: a daprd
  /// that reloads or restarts may connect before the end of its old connection is
  /// noticed. `owner` is named in the errors of others that claim the same identity.
  /// `key`: the setting with the client ID, for the error.
  void claim(std::string identity, std::string owner, base::TimePoint deadline, Claimed claimed,
             std::string key = "consumerID");

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
  std::map<std::string, Held> held_;  // used on the executor only
};

}  // namespace dapr_mqtt::instance
