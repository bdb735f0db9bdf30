#include "dapr/acceptor.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <string_view>
#include <system_error>
#include <utility>

namespace dapr_mqtt::dapr {
namespace {

using std::chrono::milliseconds;

/// A peer that hangs up may have sent acknowledgements just before: gRPC's thread gets this long to
/// hand them over before the instances are closed.
constexpr milliseconds kEndDelay{50};
/// How long connections wait in the backlog after the system ran out of a resource: nothing signals
/// when it is available again.
constexpr milliseconds kExhaustedPause{100};

/// The client's connection preface (RFC 9113, section 3.4): these bytes and a SETTINGS frame.
constexpr std::string_view kMagic = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::size_t kFrameHeader = 9;
constexpr std::size_t kFrameType = 3;  // offset, after the length
constexpr char kSettings = 4;
constexpr std::size_t kPreface = kMagic.size() + kFrameHeader;

enum class Preface { kIncomplete, kComplete, kNone };

Preface parse_preface(std::string_view begun) {
  if (begun.substr(0, kMagic.size()) != kMagic.substr(0, begun.size())) return Preface::kNone;
  if (begun.size() < kPreface) return Preface::kIncomplete;
  return begun[kMagic.size() + kFrameType] == kSettings ? Preface::kComplete : Preface::kNone;
}

std::string error_text(int error) { return std::generic_category().message(error); }

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
    return base::resource_exhausted("cannot watch the socket: " + error_text(errno));
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
  silent_.clear();
}

void Acceptor::wake() {
  const std::uint64_t one = 1;
  // An error means that the counter is full, which wakes the thread too.
  if (wake_.valid() && ::write(wake_.get(), &one, sizeof(one)) < 0) return;
}

int Acceptor::timeout_ms(base::TimePoint time) const {
  base::TimePoint next = base::TimePoint::max();
  if (!endings_.empty()) next = endings_.front().due;
  if (!silent_.empty()) next = std::min(next, silent_.front().due);
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
      silent_.clear();
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
      } else if (watched_.contains(fd)) {
        peer_hung_up(fd);
      } else {
        look_at_preface(fd);
      }
    }
    // Ends first, since they make room for connections that wait.
    report_ends(now());
    close_silent(now());
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
  warn(exhausted_, "cannot watch the socket: " + error_text(errno));
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
    case ECONNABORTED: return true;
    case EAGAIN: return false;
    default:
      // Out of descriptors or memory. The connection stays in the backlog and the socket stays
      // readable, so it is not watched for a while, to avoid a busy loop.
      warn(exhausted_, "cannot accept a connection, will try again: " + error_text(errno));
      watch_listener(false);
      listen_again_ = now() + kExhaustedPause;
      return false;
  }
}

void Acceptor::admit(base::UniqueFd fd) {
  const auto uid = peer_uid(fd.get());
  if (!uid || !options_.policy.admits(*uid)) {
    warn(refused_, uid ? refusal_text(*uid) : "refused a connection whose user is unknown");
    return;
  }
  if (silent_.size() >= options_.max_silent) {
    warn(silence_, "closed a connection of uid " + std::to_string(silent_.front().uid) + ": " +
                       std::to_string(silent_.size()) +
                       " connections have not begun HTTP/2 yet, and this is the oldest of them");
    silent_.pop_front();
  }
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;  // edge-triggered: the bytes stay until gRPC reads
  event.data.fd = fd.get();
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) {
    warn(exhausted_, "refused a connection: " + error_text(errno));
    return;
  }
  silent_.push_back({std::move(fd), *uid, now() + options_.preface_within});
}

void Acceptor::close_silent(base::TimePoint time) {
  while (!silent_.empty() && silent_.front().due <= time) {
    warn(silence_, "closed a connection of uid " + std::to_string(silent_.front().uid) +
                       ": it has not begun HTTP/2 within " +
                       std::to_string(options_.preface_within.count()) + " ms");
    silent_.pop_front();
  }
}

void Acceptor::look_at_preface(int silent) {
  std::array<char, kPreface> begun{};
  const ssize_t got = ::recv(silent, begun.data(), begun.size(), MSG_PEEK | MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  const Preface preface =
      got <= 0 ? Preface::kNone : parse_preface({begun.data(), static_cast<std::size_t>(got)});
  if (preface == Preface::kComplete) return hand_on(silent);
  pollfd hung_up{silent, POLLRDHUP, 0};
  if (preface == Preface::kIncomplete && ::poll(&hung_up, 1, 0) == 0) return;
  const auto found = std::find_if(silent_.begin(), silent_.end(),
                                  [&](const Silent& s) { return s.fd.get() == silent; });
  if (found == silent_.end()) return;
  if (got > 0 && preface == Preface::kNone) {
    warn(silence_, "closed a connection of uid " + std::to_string(found->uid) +
                       ": what it sent is not HTTP/2, which gRPC begins with");
  }
  silent_.erase(found);  // closes it, which also removes it from the epoll set
}

void Acceptor::hand_on(int silent) {
  const auto found = std::find_if(silent_.begin(), silent_.end(),
                                  [&](const Silent& s) { return s.fd.get() == silent; });
  if (found == silent_.end()) return;
  base::UniqueFd fd = std::move(found->fd);
  const uid_t uid = found->uid;
  silent_.erase(found);
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, silent, nullptr);
  const auto user = of_user_.find(uid);
  if (user != of_user_.end() && user->second >= options_.max_of_a_user) {
    warn(exhausted_, "refused a connection: " + std::to_string(user->second) + " of uid " +
                         std::to_string(uid) + " are open, which is as many as one user may have");
    return;
  }
  if (watched_.size() >= options_.max_connections) {
    warn(exhausted_, "refused a connection: " + std::to_string(watched_.size()) +
                         " are open, which is as many as this process takes");
    return;
  }
  auto moved = numbers_.move(std::move(fd));
  if (!moved.ok()) {
    warn(exhausted_, "refused a connection: " + moved.status().message());
    return;
  }
  base::UniqueFd connection = std::move(moved).value();
  const ConnectionId id = connection.get();
  base::UniqueFd watch(::fcntl(id, F_DUPFD_CLOEXEC, 0));
  epoll_event event{};
  event.events = EPOLLRDHUP;  // EPOLLHUP and EPOLLERR are always reported
  event.data.fd = id;
  if (!watch.valid() || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, watch.get(), &event) != 0) {
    warn(exhausted_, "refused a connection: " + error_text(errno));
    return;
  }
  watched_.emplace(id, Watched{std::move(watch), uid});
  ++of_user_[uid];
  handler_.on_connected(std::move(connection));
}

void Acceptor::peer_hung_up(ConnectionId connection) {
  // Closing the duplicate would not remove it from the epoll set while gRPC's descriptor keeps the
  // file open (epoll(7), question 6).
  const auto found = watched_.find(connection);
  if (found == watched_.end()) return;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, found->second.fd.get(), nullptr);
  if (const auto user = of_user_.find(found->second.uid); --user->second == 0) of_user_.erase(user);
  watched_.erase(found);
  endings_.push_back({now() + kEndDelay, connection});
}

void Acceptor::report_ends(base::TimePoint time) {
  while (!endings_.empty() && endings_.front().due <= time) {
    const ConnectionId connection = endings_.front().connection;
    endings_.pop_front();
    handler_.on_ended(connection);
  }
}

/// Limits the lines: a peer that tries for ever must not fill the log.
void Acceptor::warn(base::RepeatFilter& repeats, std::string text) {
  if (const auto line = repeats.pass("the same", std::move(text), now())) log_.warn(*line);
}

}  // namespace dapr_mqtt::dapr
