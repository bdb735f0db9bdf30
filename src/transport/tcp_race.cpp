#include "transport/tcp_race.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <utility>

#include "transport/socket_errors.h"
#include "transport/wait.h"

namespace dapr_mqtt::transport {
namespace {

/// Begins to connect. Returns 0, EINPROGRESS or another errno.
int begin(base::UniqueFd& socket, const std::string& address, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found) != 0)
    return EINVAL;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  socket.reset(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return errno;
  return ::connect(socket.get(), found->ai_addr, found->ai_addrlen) == 0 ? 0 : errno;
}

int pending_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

class Race {
 public:
  Race(std::vector<std::string>& addresses, std::uint16_t port, base::TimePoint deadline,
       const Cancel& cancel, std::chrono::milliseconds delay)
      : addresses_(addresses),
        port_(port),
        deadline_(deadline),
        cancel_(cancel),
        delay_(delay),
        waiting_(addresses) {}

  RaceResult run() {
    while (!result_.socket.valid() && !(waiting_.empty() && running_.empty())) {
      if (cancel_.is_set()) {
        result_.cancelled = true;
        break;
      }
      const auto now = std::chrono::steady_clock::now();
      if (now >= deadline_) {
        for (Attempt& attempt : std::exchange(running_, {})) failed(attempt, ETIMEDOUT);
        break;
      }
      if (!waiting_.empty() && (running_.empty() || now >= next_start_)) {
        start_next(now);
        continue;
      }
      if (!wait()) break;
    }
    return std::move(result_);
  }

 private:
  struct Attempt {
    std::string address;
    base::UniqueFd socket;
  };

  void start_next(base::TimePoint now) {
    Attempt attempt{std::move(waiting_.front()), {}};
    waiting_.erase(waiting_.begin());
    next_start_ = now + delay_;
    const int error = begin(attempt.socket, attempt.address, port_);
    if (error == EINPROGRESS) {
      running_.push_back(std::move(attempt));
    } else {
      ended(attempt, error);
    }
  }

  /// False: cancelled.
  bool wait() {
    std::vector<pollfd> descriptors;
    for (const Attempt& attempt : running_)
      descriptors.push_back({attempt.socket.get(), POLLOUT, 0});
    const auto until = waiting_.empty() ? deadline_ : std::min(deadline_, next_start_);
    const Waited waited = wait_for(descriptors, until, cancel_, descriptors);
    result_.cancelled = waited == Waited::kCancelled;
    if (waited != Waited::kReady) return waited == Waited::kTimeUp;
    std::vector<Attempt> still_running;
    for (std::size_t i = 0; i < running_.size(); ++i) {
      if (descriptors[i].revents == 0 || result_.socket.valid()) {
        still_running.push_back(std::move(running_[i]));
      } else {
        ended(running_[i], pending_error(running_[i].socket.get()));
      }
    }
    running_ = std::move(still_running);
    return true;
  }

  void ended(Attempt& attempt, int error) {
    if (error != 0) return failed(attempt, error);
    std::erase(addresses_, attempt.address);
    result_.socket = std::move(attempt.socket);
    result_.winner = std::move(attempt.address);
  }

  void failed(Attempt& attempt, int error) {
    next_start_ = {};  // the next attempt may start at once
    std::erase(addresses_, attempt.address);
    result_.failures.push_back({std::move(attempt.address), error});
  }

  std::vector<std::string>& addresses_;
  const std::uint16_t port_;
  const base::TimePoint deadline_;
  const Cancel& cancel_;
  const std::chrono::milliseconds delay_;
  std::vector<std::string> waiting_;
  std::vector<Attempt> running_;
  base::TimePoint next_start_;
  RaceResult result_;
};

}  // namespace

RaceResult race_to_connect(std::vector<std::string>& addresses, std::uint16_t port,
                           base::TimePoint deadline, const Cancel& cancel,
                           std::chrono::milliseconds delay) {
  return Race(addresses, port, deadline, cancel, delay).run();
}

base::Status with_addresses(const std::vector<RaceResult::Failure>& failures, std::uint16_t port) {
  if (failures.empty()) return tcp_failure(ETIMEDOUT);
  std::string text;
  for (const auto& failure : failures) {
    const std::string where = failure.address + " port " + std::to_string(port);
    text += (text.empty() ? "" : "; ") + tcp_failure(failure.error).with_context(where).message();
  }
  return base::unavailable(std::move(text));
}

base::Status in_short(const std::vector<RaceResult::Failure>& failures, std::uint16_t port) {
  const bool alike = std::all_of(failures.begin(), failures.end(), [&](const auto& failure) {
    return failure.error == failures.front().error;
  });
  if (failures.empty() || !alike) return with_addresses(failures, port);
  return tcp_failure(failures.front().error);
}

}  // namespace dapr_mqtt::transport
