#include "transport/look_up.h"

#include <memory>
#include <optional>

#include "dapr_mqtt/base/mutex.h"
#include "transport/wait.h"

namespace dapr_mqtt::transport {
namespace {

/// Shared with the look-up, which may outlive a caller that has given up.
class Answer {
 public:
  void set(const Resolver::Addresses& addresses) {
    {
      base::MutexLock lock(mutex_);
      addresses_ = addresses;
    }
    arrived_.set();
  }
  Resolver::Addresses get() {
    base::MutexLock lock(mutex_);
    return *addresses_;
  }
  /// Readable once get() may be called.
  int fd() const { return arrived_.fd(); }

 private:
  base::Mutex mutex_;
  std::optional<Resolver::Addresses> addresses_ DM_GUARDED_BY(mutex_);
  Cancel arrived_;
};

}  // namespace

Resolver::Addresses look_up(Resolver& resolver, const std::string& host, base::TimePoint deadline,
                            const Cancel& cancel) {
  const auto answer = std::make_shared<Answer>();
  const auto ticket =
      resolver.resolve(host, [answer](const Resolver::Addresses& found) { answer->set(found); });
  const Waited waited = wait_for(answer->fd(), POLLIN, deadline, cancel);
  if (waited == Waited::kReady) return answer->get();
  resolver.cancel(ticket);
  if (waited == Waited::kCancelled) return connecting_cancelled();
  return base::unavailable("timed out looking up the host name: the name server does not answer");
}

}  // namespace dapr_mqtt::transport
