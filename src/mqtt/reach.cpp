#include "dapr_mqtt/mqtt/reach.h"

#include <algorithm>
#include <ctime>
#include <memory>
#include <optional>
#include <vector>

#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/base/unique_fd.h"
#include "mqtt/resolver.h"
#include "mqtt/tcp_connect.h"
#include "mqtt/tls_files.h"
#include "mqtt/tls_probe.h"

namespace dapr_mqtt::mqtt {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::time_t kDay = 24 * 60 * 60;
constexpr std::time_t kSoon = 14 * kDay;

std::string join(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + text;
  return out;
}

/// One run over the steps of one endpoint.
class Reach {
 public:
  Reach(const core::Endpoint& endpoint, const core::TlsMaterial& tls, milliseconds timeout,
        const ReachObserver& observer)
      : endpoint_(endpoint), tls_(tls), timeout_(timeout), observer_(observer) {}

  bool run() {
    if (is_numeric_address(endpoint_.host)) {
      addresses_ = {endpoint_.host};
    } else if (!step("name", [this](ReachStep& step) { look_up(step); })) {
      return false;
    }
    if (!step("tcp", [this](ReachStep& step) { connect(step); })) return false;
    return !endpoint_.uses_tls() || step("tls", [this](ReachStep& step) { shake_hands(step); });
  }

 private:
  template <typename Do>
  bool step(const char* name, Do act) {
    ReachStep step;
    step.name = name;
    observer_.begin(step.name);
    const auto begin = steady_clock::now();
    act(step);
    step.took = std::chrono::duration_cast<microseconds>(steady_clock::now() - begin);
    observer_.end(step);
    return step.status.ok();
  }

  void look_up(ReachStep& step) {
    struct Answer {
      base::Mutex mutex;
      base::CondVar come;
      std::optional<Resolver::Addresses> addresses DM_GUARDED_BY(mutex);
    };
    const auto answer = std::make_shared<Answer>();
    resolver_.resolve(endpoint_.host, [answer](const Resolver::Addresses& found) {
      base::MutexLock lock(answer->mutex);
      answer->addresses = found;
      answer->come.notify_all();
    });
    const auto deadline = steady_clock::now() + timeout_;
    base::MutexLock lock(answer->mutex);
    while (!answer->addresses) {
      if (!answer->come.wait_until(answer->mutex, deadline) && !answer->addresses) {
        step.status = base::unavailable(
            "timed out looking up the host name: the name server does not answer");
        return;
      }
    }
    step.status = answer->addresses->status();
    if (!step.status.ok()) return;
    addresses_ = answer->addresses->value();
    step.seen = endpoint_.host + " is " + join(addresses_);
  }

  void connect(ReachStep& step) {
    const auto deadline = steady_clock::now() + timeout_;
    for (std::size_t i = 0; i < addresses_.size(); ++i) {
      const auto left = std::max(base::Duration::zero(), deadline - steady_clock::now());
      const int error = connect_tcp(fd_, addresses_[i], endpoint_.port,
                                    steady_clock::now() + left / static_cast<int>(addresses_.size() - i));
      const std::string where = addresses_[i] + " port " + std::to_string(endpoint_.port);
      if (error == 0) {
        step.status = {};
        step.seen = "connected to " + where;
        return;
      }
      step.status = tcp_failure(error).with_context(where);
    }
  }

  void shake_hands(ReachStep& step) {
    const auto files = TlsFiles::make(tls_);
    if (!files.ok()) {
      step.status = files.status();
      return;
    }
    TlsSight sight;
    const auto problem = probe_tls(fd_.get(), endpoint_, files.value(), false,
                                   steady_clock::now() + timeout_, &sight);
    if (problem) {
      step.status = *problem;
      if (!sight.names.empty()) {
        step.status = base::Status(problem->kind(),
                                   problem->message() + "; it is made out for " + sight.names);
      }
      return;
    }
    char until[16] = "?";
    if (const std::tm* end = std::gmtime(&sight.not_after)) {
      std::strftime(until, sizeof until, "%Y-%m-%d", end);
    }
    step.seen = sight.protocol + ", " + sight.cipher + "; certificate of " + sight.subject + " for " +
                sight.names + ", issued by " + sight.issuer + ", valid until " + until + ", chain of " +
                std::to_string(sight.chain);
    const std::time_t left = sight.not_after - std::time(nullptr);
    if (left < kSoon) {
      step.warning = "the broker's certificate expires in " + std::to_string(left / kDay) +
                     " days: renew it";
    }
  }

  const core::Endpoint& endpoint_;
  const core::TlsMaterial& tls_;
  const milliseconds timeout_;
  const ReachObserver& observer_;
  std::vector<std::string> addresses_;
  base::UniqueFd fd_;
  Resolver resolver_;
};

}  // namespace

bool reach(const core::Endpoint& endpoint, const core::TlsMaterial& tls, milliseconds timeout,
           const ReachObserver& observer) {
  return Reach(endpoint, tls, timeout, observer).run();
}

}  // namespace dapr_mqtt::mqtt
