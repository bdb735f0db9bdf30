#include "transport/tcp_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "transport/socket_errors.h"

namespace dapr_mqtt::transport {
namespace {

using Outcome = IoResult::Outcome;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// MAX_TCP_KEEPIDLE and MAX_TCP_KEEPINTVL in Linux's include/net/tcp.h.
constexpr seconds kLongestKernelTimer{32767};

// Errors are ignored: a socket that does not support an option works without it (a socket pair in
// tests).
void set_option(int fd, int level, int option, long value) {
  const int number = static_cast<int>(value);
  (void)::setsockopt(fd, level, option, &number, sizeof number);
}

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

// The worst case: the other side vanishes, we send shortly before the probes would have noticed, and
// the timeout starts again for the sent data. With u = TCP_USER_TIMEOUT that takes up to
// u (probes) + interval (until the next probe) + u (sent data): 2 × 5/8 + 1/8 keep alives, below
// the 1.5 of MQTT-3.1.2-24.
TcpTimeouts timeouts_for(seconds keep_alive) {
  if (keep_alive <= seconds::zero()) keep_alive = kDefaultKeepAlive;
  TcpTimeouts out{};
  out.idle = std::clamp(keep_alive / 4, seconds{1}, kLongestKernelTimer);
  out.interval = std::clamp(keep_alive / 8, seconds{1}, kLongestKernelTimer);
  // Not below a second: a single lost packet can take that long.
  out.unanswered = std::max<milliseconds>(milliseconds(keep_alive) * 5 / 8, seconds{1});
  // Linux uses TCP_USER_TIMEOUT instead of the number of probes where it is set; keep them equal.
  out.probes = static_cast<int>(
      std::max<long long>(1, (out.unanswered - out.idle) / milliseconds(out.interval)));
  return out;
}

TcpStream::TcpStream(base::UniqueFd socket, seconds keep_alive) : socket_(std::move(socket)) {
  const TcpTimeouts timeouts = timeouts_for(keep_alive);
  set_option(fd(), IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd(), IPPROTO_TCP, TCP_KEEPIDLE, timeouts.idle.count());
  set_option(fd(), IPPROTO_TCP, TCP_KEEPINTVL, timeouts.interval.count());
  set_option(fd(), IPPROTO_TCP, TCP_KEEPCNT, timeouts.probes);
  set_option(fd(), IPPROTO_TCP, TCP_USER_TIMEOUT, timeouts.unanswered.count());
  set_option(fd(), SOL_SOCKET, SO_KEEPALIVE, 1);
}

IoResult TcpStream::failed(int error) {
  closed_by_peer_ = closed_by_peer_ || error == ECONNRESET || error == EPIPE;
  return {Outcome::kFailed, 0, connection_broke(error)};
}

IoResult TcpStream::read(char* buffer, std::size_t size) {
  if (read_end_) return *read_end_;
  if (size == 0) return {};
  const ssize_t got = ::recv(fd(), buffer, size, 0);
  if (got > 0) return {Outcome::kDone, static_cast<std::size_t>(got), {}};
  if (got < 0 && would_block(errno)) return {};
  read_end_ = got == 0 ? IoResult{Outcome::kClosed, 0, {}} : failed(errno);
  closed_by_peer_ = closed_by_peer_ || got == 0;
  return *read_end_;
}

IoResult TcpStream::write(const char* data, std::size_t size) {
  if (write_end_) return *write_end_;
  if (size == 0) return {};
  const ssize_t put = ::send(fd(), data, size, MSG_NOSIGNAL);
  if (put >= 0) return {Outcome::kDone, static_cast<std::size_t>(put), {}};
  if (would_block(errno)) return {};
  write_end_ = failed(errno);
  return *write_end_;
}

IoResult TcpStream::flush() { return write_end_.value_or(IoResult{Outcome::kDone, 0, {}}); }

void TcpStream::shut_down() { ::shutdown(fd(), SHUT_WR); }

}  // namespace dapr_mqtt::transport
