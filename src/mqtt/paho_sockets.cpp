#include "mqtt/paho_sockets.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "mqtt/before_acknowledging.h"
#include "mqtt/paho_threads.h"

namespace dapr_mqtt::mqtt::shims {
namespace sockets {
namespace {

/// Read at once.
constexpr std::size_t kAhead = 64U << 10U;
/// What asks for so much is read into its own place.
constexpr std::size_t kDirectRead = 8U << 10U;
/// Put aside at the most, lest the first waits for the last.
constexpr std::size_t kTogether = 8U << 10U;
/// While it may not be sent: what Paho's own window leaves is far less.
constexpr std::size_t kHeldMost = 1U << 20U;
/// Answers from what was read ahead until all sockets are looked at again.
constexpr int kAnswers = 64;

std::atomic<std::uint64_t> served_from_ahead{0};

struct Socket {
  std::mutex mutex;
  bool held = false;  // guarded by mutex: only the receive thread may send
  std::string aside;  // guarded by mutex
  /// It takes no more: what is aside is sent when it does.
  std::atomic<bool> full{false};
  /// One up with each opened() and closing(), so odd while it is open.
  std::atomic<std::uint32_t> life{0};

  bool open() const { return life.load() % 2 == 1; }

  // The receive thread's alone.
  std::unique_ptr<char[]> ahead;
  std::size_t begin = 0;
  std::size_t end = 0;
  std::uint32_t ahead_of = 0;  ///< the life that it belongs to
};

// They stay for good, since Paho's threads run until the process ends.
std::array<std::atomic<Socket*>, kSockets> known{};

Socket* find(int fd) {
  return fd >= 0 && static_cast<std::size_t>(fd) < kSockets
             ? known[static_cast<std::size_t>(fd)].load(std::memory_order_acquire)
             : nullptr;
}

ssize_t real_recv(int fd, void* buffer, std::size_t size, int flags) {
  static const auto function = next<ssize_t(int, void*, std::size_t, int)>("recv");
  return function(fd, buffer, size, flags);
}

ssize_t real_writev(int fd, const iovec* parts, int count) {
  static const auto function = next<ssize_t(int, const iovec*, int)>("writev");
  return function(fd, parts, count);
}

/// Sockets on which this thread has put something aside.
std::vector<int>& with_aside() {
  static thread_local std::vector<int> fds;
  return fds;
}

/// Or drops it, where nothing may go out any more.
void send_aside(int fd, Socket& socket) {
  std::size_t sent = refused(fd) ? socket.aside.size() : 0;
  while (sent < socket.aside.size()) {
    const ssize_t n = ::send(fd, socket.aside.data() + sent, socket.aside.size() - sent,
                             MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      sent += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    } else if (errno != EINTR) {
      sent = socket.aside.size();  // the connection is broken, as Paho's next read will say
    }
  }
  socket.aside.erase(0, sent);
  if (socket.aside.empty() && socket.aside.capacity() > 4 * kTogether) {
    std::string().swap(socket.aside);
  }
  const bool full = !socket.aside.empty();
  // The receive thread's wait does not yet look for it.
  if (full && !socket.full.load() && caller() != Caller::kReceive) wake_receive_thread();
  socket.full.store(full);
}

std::size_t size_of(const iovec* parts, int count) {
  std::size_t size = 0;
  for (int i = 0; i < count; ++i) size += parts[i].iov_len;
  return size;
}

// ---- Read ahead: the receive thread's alone ----

std::unique_ptr<char[]>& spare_buffer() {
  static thread_local std::unique_ptr<char[]> spare;
  return spare;
}

/// poll() was told of input read ahead, and none has been asked for since: Paho does
/// not read while a write of its own is not complete.
thread_local bool answer_unused = false;
thread_local int answers = 0;

void let_go(Socket& socket) {
  if (socket.ahead && !spare_buffer()) spare_buffer() = std::move(socket.ahead);
  socket.ahead.reset();
  socket.begin = socket.end = 0;
}

bool has_ahead(Socket& socket) {
  if (!socket.ahead) return false;
  if (socket.ahead_of != socket.life.load()) let_go(socket);  // another connection's
  return socket.begin < socket.end;
}

std::size_t take(Socket& socket, void* buffer, std::size_t size) {
  const std::size_t taken = std::min(size, socket.end - socket.begin);
  std::memcpy(buffer, socket.ahead.get() + socket.begin, taken);
  socket.begin += taken;
  if (socket.begin == socket.end) let_go(socket);
  return taken;
}

/// With nothing read ahead.
ssize_t read_more(int fd, Socket& socket, void* buffer, std::size_t size) {
  if (size >= kDirectRead) return real_recv(fd, buffer, size, 0);
  socket.ahead = std::move(spare_buffer());
  if (!socket.ahead) socket.ahead.reset(new (std::nothrow) char[kAhead]);
  if (!socket.ahead) return real_recv(fd, buffer, size, 0);
  socket.ahead_of = socket.life.load();
  const ssize_t n = real_recv(fd, socket.ahead.get(), kAhead, 0);
  if (n <= 0) {
    const int error = errno;
    let_go(socket);
    errno = error;
    return n;
  }
  socket.begin = 0;
  socket.end = static_cast<std::size_t>(n);
  return static_cast<ssize_t>(take(socket, buffer, size));
}

/// On another thread, as the one that destroys a client: its DISCONNECT is the last.
ssize_t write_behind_what_is_aside(int fd, const iovec* parts, int count_of_parts) {
  Socket* socket = find(fd);
  if (socket == nullptr || !socket->open()) return real_writev(fd, parts, count_of_parts);
  do_what_comes_before_acknowledging();
  const std::lock_guard lock(socket->mutex);
  send_aside(fd, *socket);
  if (socket->full.load()) {
    errno = EAGAIN;
    return -1;
  }
  return real_writev(fd, parts, count_of_parts);
}

}  // namespace

void opened(int fd) {
  if (fd < 0 || static_cast<std::size_t>(fd) >= kSockets) return;
  auto& place = known[static_cast<std::size_t>(fd)];
  Socket* socket = place.load();
  if (socket == nullptr) {
    auto made = std::make_unique<Socket>();
    if (place.compare_exchange_strong(socket, made.get())) socket = made.release();
  }
  const std::lock_guard lock(socket->mutex);
  connecting(fd);
  socket->life.fetch_add(socket->open() ? 2 : 1);
  socket->held = false;
  socket->full.store(false);
  socket->aside.clear();
}

void closing(int fd) {
  Socket* socket = find(fd);
  if (socket == nullptr || !socket->open()) return;
  do_what_comes_before_acknowledging();
  const std::lock_guard lock(socket->mutex);
  if (!socket->open()) return;
  send_aside(fd, *socket);
  socket->life.fetch_add(1);
  socket->held = false;
  socket->full.store(false);
  std::string().swap(socket->aside);
}

ssize_t read(int fd, void* buffer, std::size_t size) {
  handling(fd);
  Socket* socket = find(fd);
  if (socket == nullptr || !socket->open() || size == 0) return real_recv(fd, buffer, size, 0);
  answer_unused = false;
  if (!has_ahead(*socket)) return read_more(fd, *socket, buffer, size);
  served_from_ahead.fetch_add(1, std::memory_order_relaxed);
  std::size_t taken = take(*socket, buffer, size);
  if (taken < size) {  // the packet goes on
    const ssize_t rest =
        read_more(fd, *socket, static_cast<char*>(buffer) + taken, size - taken);
    if (rest > 0) taken += static_cast<std::size_t>(rest);  // else the next call says why
  }
  return static_cast<ssize_t>(taken);
}

ssize_t write(int fd, const iovec* parts, int count_of_parts) {
  if (caller() == Caller::kOther) return write_behind_what_is_aside(fd, parts, count_of_parts);
  Socket* socket = find(fd);
  const std::size_t size = size_of(parts, count_of_parts);
  const bool receiving = caller() == Caller::kReceive;
  if (socket == nullptr || !socket->open()) {
    if (receiving) do_what_comes_before_acknowledging();
    return real_writev(fd, parts, count_of_parts);
  }
  const bool hold = receiving && acknowledgements_wait();
  std::unique_lock lock(socket->mutex);
  if (refused(fd)) return static_cast<ssize_t>(size);
  if (socket->full.load()) send_aside(fd, *socket);
  if (socket->full.load()) {
    errno = EAGAIN;
    return -1;
  }
  socket->held = socket->held || hold;
  if (socket->aside.size() + size > kTogether) {
    if (socket->held && receiving) {
      lock.unlock();
      do_what_comes_before_acknowledging();
      lock.lock();
      socket->held = false;
    }
    if (!socket->held) {
      send_aside(fd, *socket);
      if (socket->full.load()) {
        errno = EAGAIN;
        return -1;
      }
      if (refused(fd)) return static_cast<ssize_t>(size);
      if (size > kTogether / 2) return real_writev(fd, parts, count_of_parts);
    } else if (socket->aside.size() + size > kHeldMost) {
      errno = EAGAIN;
      return -1;
    }
  }
  try {  // the caller is C
    std::vector<int>& mine = with_aside();
    if (std::find(mine.begin(), mine.end(), fd) == mine.end()) mine.push_back(fd);
    socket->aside.reserve(socket->aside.size() + size);
  } catch (const std::bad_alloc&) {
    errno = EAGAIN;  // Paho keeps it and tries again
    return -1;
  }
  for (int i = 0; i < count_of_parts; ++i) {
    socket->aside.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
  }
  return static_cast<ssize_t>(size);
}

void flush(std::vector<int>* sent) {
  const bool receiving = caller() == Caller::kReceive;
  if (receiving) do_what_comes_before_acknowledging();
  std::erase_if(with_aside(), [&](int fd) {
    Socket& socket = *find(fd);
    const std::lock_guard lock(socket.mutex);
    if (socket.held && !receiving) return true;  // the receive thread has it in its list too
    socket.held = false;
    if (!socket.open() || socket.aside.empty()) return true;
    send_aside(fd, socket);
    if (sent != nullptr) sent->push_back(fd);
    return !socket.full.load();
  });
}

int ready(pollfd* fds, nfds_t size) {
  if (answer_unused || answers >= kAnswers) return 0;
  int found = 0;
  for (nfds_t i = 0; i < size; ++i) {
    Socket* socket = find(fds[i].fd);
    if (socket == nullptr || !has_ahead(*socket)) continue;
    if (found++ == 0) {
      for (nfds_t j = 0; j < size; ++j) fds[j].revents = 0;
    }
    const bool writing = (fds[i].events & POLLOUT) != 0;
    if (!writing) answer_unused = true;
    fds[i].revents = writing ? (socket->full.load() ? short{0} : POLLOUT) : POLLIN;
  }
  if (answer_unused) ++answers;
  return found;
}

int writable(pollfd* fds, nfds_t size, int found) {
  for (nfds_t i = 0; found > 0 && i < size; ++i) {
    Socket* socket = find(fds[i].fd);
    if (socket == nullptr || !socket->full.load() || (fds[i].revents & POLLOUT) == 0) continue;
    fds[i].revents = static_cast<short>(fds[i].revents & ~POLLOUT);
    if (fds[i].revents == 0) --found;
  }
  return found;
}

bool before_wait(pollfd* fds, nfds_t size) {
  bool wait = true;
  for (nfds_t i = 0; i < size; ++i) {
    Socket* socket = find(fds[i].fd);
    if (socket == nullptr) continue;
    if (has_ahead(*socket)) {
      fds[i].events = answer_unused ? POLLOUT : short{0};
      wait = wait && answer_unused;
    }
    if (socket->full.load()) fds[i].events = static_cast<short>(fds[i].events | POLLOUT);
  }
  answers = 0;
  answer_unused = false;
  return wait;
}

int after_wait(pollfd* fds, nfds_t size) {
  int found = 0;
  for (nfds_t i = 0; i < size; ++i) {
    Socket* socket = find(fds[i].fd);
    if (socket != nullptr) {
      if (socket->full.load() && (fds[i].revents & POLLOUT) != 0) {
        const std::lock_guard lock(socket->mutex);
        if (socket->open()) send_aside(fds[i].fd, *socket);
      }
      fds[i].revents = static_cast<short>(fds[i].revents & ~POLLOUT);
      if (has_ahead(*socket)) {
        fds[i].revents = static_cast<short>(fds[i].revents | POLLIN);
        answer_unused = true;
      }
    }
    if (fds[i].revents != 0) ++found;
  }
  return found;
}

std::uint64_t reads_from_ahead() { return served_from_ahead.load(); }

}  // namespace sockets
}  // namespace dapr_mqtt::mqtt::shims
