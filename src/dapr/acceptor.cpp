#include "dapr/acceptor.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

namespace dapr_mqtt::dapr {
namespace {

using std::chrono::milliseconds;

/// A peer that hangs up may have sent acknowledgements just before: gRPC's
/// thread gets this long to hand them over before the instances go.
constexpr milliseconds kLastWords{50};
/// How long connections wait in the backlog after the system ran out of
/// something; it gives no sign when there is some again.
constexpr milliseconds kExhaustedPause{100};

std::string words_for(int error) { return std::generic_category().message(error); }

base::TimePoint now() { return std::chrono::steady_clock::now(); }

}  // namespace

Acceptor::Acceptor(int listen_fd, AcceptorOptions options, ConnectionHandler& handler,
                   base::Log log)
    : listen_fd_(listen_fd),
      options_(std::move(options)),
      handler_(handler),
      log_(std::move(log)) {}

base::Status Acceptor::start() {
  epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = wake_.get();
  if (!epoll_.valid() || !wake_.valid() ||
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0) {
    return base::resource_exhausted("cannot watch the socket: " + words_for(errno));
  }
  try {
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "dapr-accept");
      run();
    });
  } catch (const std::system_error& error) {
    return base::resource_exhausted(std::string("cannot start a thread: ") + error.what());
  }
  return {};
}

void Acceptor::stop_accepting() {
  accepting_ = false;
  wake();
}

void Acceptor::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  wake();
  thread_.join();
  watched_.clear();
}

void Acceptor::wake() {
  const std::uint64_t one = 1;
  // A full counter wakes as well: nothing to do about an error.
  if (wake_.valid() && ::write(wake_.get(), &one, sizeof(one)) < 0) return;
}

int Acceptor::timeout_ms(base::TimePoint time) const {
  base::TimePoint next = base::TimePoint::max();
  if (!endings_.empty()) next = endings_.front().due;
  if (accepting_ && !listening_) next = std::min(next, listen_again_);
  if (next == base::TimePoint::max()) return -1;
  if (next <= time) return 0;
  return static_cast<int>(std::chrono::ceil<milliseconds>(next - time).count());
}

void Acceptor::run() {
  std::array<epoll_event, 64> events{};
  while (!stopping_) {
    const base::TimePoint before = now();
    if (!accepting_) {
      if (listening_) watch_listener(false);
    } else if (!listening_ && before >= listen_again_) {
      watch_listener(true);
    }
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                   timeout_ms(before));
    bool connections_wait = false;
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == wake_.get()) {
        std::uint64_t ignored = 0;
        if (::read(wake_.get(), &ignored, sizeof(ignored)) < 0) continue;
      } else if (fd == listen_fd_) {
        connections_wait = true;
      } else {
        peer_hung_up(fd);
      }
    }
    // Ends first: they make room for what waits.
    report_ends(now());
    if (connections_wait && accepting_) accept_all();
  }
}

void Acceptor::watch_listener(bool on) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = listen_fd_;
  if (::epoll_ctl(epoll_.get(), on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, listen_fd_, &event) == 0) {
    listening_ = on;
    return;
  }
  exhausted_.warn(log_, now(), "cannot watch the socket: " + words_for(errno));
  listen_again_ = now() + kExhaustedPause;
}

void Acceptor::accept_all() {
  while (accepting_ && !stopping_ && accept_one()) {
  }
}

bool Acceptor::accept_one() {
  base::UniqueFd fd(::accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (fd.valid()) {
    admit(std::move(fd));
    return true;
  }
  switch (errno) {
    case EINTR:
    case ECONNABORTED:
      return true;
    case EAGAIN:
      return false;
    default:
      // Out of descriptors or memory. The connection stays in the backlog, and
      // the socket stays readable: look away for a while instead of spinning.
      exhausted_.warn(log_, now(), "cannot accept a connection, will try again: " +
                                       words_for(errno));
      watch_listener(false);
      listen_again_ = now() + kExhaustedPause;
      return false;
  }
}

void Acceptor::admit(base::UniqueFd fd) {
  const auto uid = peer_uid(fd.get());
  if (!uid || !options_.policy.admits(*uid)) {
    refused_.warn(log_, now(),
                  uid ? refusal_text(*uid) : "refused a connection whose user is unknown");
    return;
  }
  if (watched_.size() >= options_.max_connections) {
    exhausted_.warn(log_, now(),
                    "refused a connection: " + std::to_string(watched_.size()) +
                        " are open, which is as many as this process takes");
    return;
  }
  auto moved = numbers_.move(std::move(fd));
  if (!moved.ok()) {
    exhausted_.warn(log_, now(), "refused a connection: " + moved.status().message());
    return;
  }
  base::UniqueFd connection = std::move(moved).value();
  const ConnectionId id = connection.get();
  base::UniqueFd watch(::fcntl(id, F_DUPFD_CLOEXEC, 0));
  epoll_event event{};
  event.events = EPOLLRDHUP;  // EPOLLHUP and EPOLLERR come unasked
  event.data.fd = id;
  if (!watch.valid() || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, watch.get(), &event) != 0) {
    exhausted_.warn(log_, now(), "refused a connection: " + words_for(errno));
    return;
  }
  watched_.emplace(id, std::move(watch));
  handler_.on_connected(std::move(connection));
}

void Acceptor::peer_hung_up(ConnectionId connection) {
  // Closing the duplicate would not take it out of the epoll set while gRPC's
  // descriptor keeps the file open (epoll(7), question 6).
  const auto found = watched_.find(connection);
  if (found == watched_.end()) return;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, found->second.get(), nullptr);
  watched_.erase(found);
  endings_.push_back({now() + kLastWords, connection});
}

void Acceptor::report_ends(base::TimePoint time) {
  while (!endings_.empty() && endings_.front().due <= time) {
    const ConnectionId connection = endings_.front().connection;
    endings_.pop_front();
    handler_.on_ended(connection);
  }
}

}  // namespace dapr_mqtt::dapr
