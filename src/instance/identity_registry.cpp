#include "instance/identity_registry.h"

#include <utility>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::instance {

void IdentityRegistry::claim(std::string identity, std::string owner, base::TimePoint deadline,
                             Claimed claimed, std::string key) {
  executor_.post([this, identity = std::move(identity), owner = std::move(owner), deadline,
                  claimed = std::move(claimed), key = std::move(key)]() mutable {
    const auto [it, free] = held_.try_emplace(identity, Held{owner, {}});
    if (free) {
      grant(identity, claimed);
      return;
    }
    auto& waiters = it->second.waiters;
    const auto waiter = waiters.insert(waiters.end(), {std::move(owner), std::move(claimed), 0});
    waiter->timer = executor_.post_at(deadline, [this, identity, waiter, key] {
      Held& held = held_.at(identity);
      const Claimed give_up = std::move(waiter->claimed);
      held.waiters.erase(waiter);
      give_up(base::failed_precondition(
          "this " + key + " is in use by component " + base::quote(held.owner) +
          " of this process at the same broker, and MQTT allows one connection for each client "
          "ID: give each Component its own " +
          key +
          " (\"{uuid}\" makes one, in Kubernetes "
          "\"{podName}\" too), or stop the other daprd"));
    });
  });
}

void IdentityRegistry::grant(const std::string& identity, const Claimed& claimed) {
  claimed(std::make_shared<Claim>(*this, identity));
}

void IdentityRegistry::release(const std::string& identity) {
  executor_.post([this, identity] {
    const auto it = held_.find(identity);
    if (it->second.waiters.empty()) {
      held_.erase(it);
      return;
    }
    Waiter next = std::move(it->second.waiters.front());
    it->second.waiters.pop_front();
    executor_.cancel(next.timer);
    it->second.owner = std::move(next.owner);
    grant(identity, next.claimed);
  });
}

}  // namespace dapr_mqtt::instance
