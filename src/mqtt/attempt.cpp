#include "mqtt/attempt.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/mutex.h"
#include "mqtt/waker.h"

namespace dapr_mqtt::mqtt {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// The time to report the result to the listener.
constexpr milliseconds kForReporting{50};

/// Of several causes, the one of the attempt that got furthest says most. Depths are those of
/// transport::Dialled, and this one if the broker has answered.
constexpr int kBrokerHasAnswered = 10;

struct Cause {
  base::Status status;
  int depth = 0;
};

/// Paho's answer to one CONNECT, given once, on a thread of Paho's.
class Answer {
 public:
  void give(base::Result<bool> session_present, bool by_broker) {
    {
      base::MutexLock lock(mutex_);
      if (answer_) return;
      answer_.emplace(std::move(session_present));
      by_broker_ = by_broker;
    }
    given_.wake();
  }
  /// None: time is up, or `cancel` is set.
  std::optional<base::Result<bool>> wait(const transport::Cancel& cancel, base::TimePoint deadline,
                                         bool& by_broker) {
    for (;;) {
      {
        base::MutexLock lock(mutex_);
        by_broker = by_broker_;
        if (answer_) return std::move(answer_);
      }
      const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
      if (cancel.is_set() || left.count() <= 0) return std::nullopt;
      pollfd fds[] = {{given_.fd(), POLLIN, 0}, {cancel.fd(), POLLIN, 0}};
      ::poll(fds, 2, static_cast<int>(left.count()));
    }
  }

 private:
  Waker given_;
  base::Mutex mutex_;
  std::optional<base::Result<bool>> answer_ DM_GUARDED_BY(mutex_);
  bool by_broker_ DM_GUARDED_BY(mutex_) = false;
};

/// Lets the event handlers of a client find that client. Thread-safe.
class ClientReference {
 public:
  void set(const std::shared_ptr<const PahoClient>& client) {
    base::MutexLock lock(mutex_);
    client_ = client;
  }
  std::weak_ptr<const PahoClient> get() {
    base::MutexLock lock(mutex_);
    return client_;
  }

 private:
  base::Mutex mutex_;
  std::weak_ptr<const PahoClient> client_ DM_GUARDED_BY(mutex_);
};

/// Why dialling failed. A refusal by the proxy becomes UNAVAILABLE: otherwise it would look as if
/// the broker had refused changed credentials.
base::Status dial_failure(const transport::Dialled& dialled) {
  const bool by_broker = dialled.depth > transport::Dialled::Depth::kProxy;
  const bool refused = dialled.status.kind() == base::ErrorKind::kUnauthenticated ||
                       dialled.status.kind() == base::ErrorKind::kPermissionDenied;
  return refused && !by_broker ? base::unavailable(dialled.status.message()) : dialled.status;
}

/// The attempts at one endpoint.
class EndpointAttempt {
 public:
  EndpointAttempt(const AttemptContext& context, std::size_t endpoint, base::TimePoint deadline)
      : context_(context),
        index_(endpoint),
        endpoint_(context.options.endpoints[endpoint]),
        deadline_(deadline) {}

  /// None: no address of the endpoint worked, and cause() says why.
  std::optional<AttemptMade> run() {
    transport::Dialer dialer(endpoint_, context_.options, context_.resolver, context_.cancel);
    do {
      transport::Dialled dialled = dialer.next(deadline_, transport::Dialer::Time::kLeaveHalf);
      if (!dialled.stream) {
        note({dial_failure(dialled), static_cast<int>(dialled.depth)});
        continue;
      }
      const auto now = steady_clock::now();
      auto made =
          connect(std::move(dialled), dialer.more() ? now + (deadline_ - now) / 2 : deadline_);
      if (made) return made;
    } while (dialer.more() && !over() && cause_->depth < kBrokerHasAnswered);
    return std::nullopt;
  }

  Cause cause() { return std::move(*cause_); }

 private:
  bool over() const { return context_.cancel.is_set() || steady_clock::now() >= deadline_; }

  void note(Cause cause) {
    // Keeps the cause of the address that got furthest.
    if (!cause_ || cause.depth >= cause_->depth) cause_ = std::move(cause);
  }

  std::optional<AttemptMade> connect(transport::Dialled dialled, base::TimePoint until) {
    const auto answer = std::make_shared<Answer>();
    // Events may come before make() has returned the client.
    const auto self = std::make_shared<ClientReference>();
    PahoClient::Events events;
    events.connected = [answer](bool session_present) { answer->give(session_present, true); };
    events.connect_failed = [answer](base::Status cause, bool answered) {
      answer->give(std::move(cause), answered);
    };
    events.lost = [lost = context_.lost, self](const base::Status& cause, core::ConnectionEnd end) {
      lost(self->get(), cause, end);
    };
    auto client =
        PahoClient::make(std::move(dialled.stream), context_.options, endpoint_.uses_tls(),
                         std::move(events), context_.sink, context_.ledger);
    if (!client.ok()) {
      note({client.status(), 0});
      return std::nullopt;
    }
    self->set(client.value());
    const bool earlier_unanswered = context_.unanswered[index_];
    context_.unanswered[index_] = true;
    base::Status begun = client.value()->connect(context_.options, context_.clean_session);
    bool by_broker = false;
    std::optional<base::Result<bool>> answered;
    if (begun.ok()) answered = answer->wait(context_.cancel, until, by_broker);
    if (answered && answered->ok()) {
      return AttemptMade{std::move(client).value(), answered->value(), earlier_unanswered, index_,
                         dialled.certificate_end};
    }
    // A broker that refuses CONNECT has created no session (MQTT-3.2.2-6).
    if (answered && by_broker) context_.unanswered[index_] = earlier_unanswered;
    client.value()->shut_down(base::cancelled("the connection attempt was given up"));
    const int depth = static_cast<int>(dialled.depth);
    if (!begun.ok()) {
      note({std::move(begun), 0});
    } else if (answered) {
      note({answered->status(), by_broker ? kBrokerHasAnswered : depth});
    } else {
      note({base::unavailable(
                "timed out: the broker accepts connections but does not answer MQTT CONNECT"),
            depth});
    }
    return std::nullopt;
  }

  const AttemptContext& context_;
  const std::size_t index_;
  const core::Endpoint& endpoint_;
  const base::TimePoint deadline_;
  std::optional<Cause> cause_;
};

base::Status summary(const std::vector<core::Endpoint>& endpoints, std::vector<Cause> causes) {
  std::string text;
  const Cause* deepest = &causes.front();
  for (std::size_t i = 0; i < causes.size(); ++i) {
    text += (i > 0 ? "; " : "") + endpoints[i].str() + ": " + causes[i].status.message();
    if (causes[i].depth > deepest->depth) deepest = &causes[i];
  }
  return {deepest->status.kind(), std::move(text)};
}

}  // namespace

base::Result<AttemptMade> attempt_to_connect(const AttemptContext& context) {
  const milliseconds total = context.options.connect_timeout;
  const milliseconds time = total - std::min(kForReporting, total / 10);
  const auto deadline = steady_clock::now() + time;
  const auto& endpoints = context.options.endpoints;
  std::vector<Cause> causes;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    const auto now = steady_clock::now();
    const base::Duration share =
        std::max(base::Duration::zero(), deadline - now) / static_cast<int>(endpoints.size() - i);
    EndpointAttempt attempt(context, i, now + (context.whole_timeout ? time : share));
    if (auto made = attempt.run()) return *std::move(made);
    if (context.cancel.is_set()) return base::cancelled("the connection attempt was given up");
    causes.push_back(attempt.cause());
  }
  return summary(endpoints, std::move(causes));
}

}  // namespace dapr_mqtt::mqtt
