// Stand-ins: functions of this program that replace the functions of the C library that Paho calls.
// They are the only link between Paho and the channels.
//
// Paho's library binds these names at run time, and the executable comes first in the search (also
// if Paho is linked statically). Each calls the C library's function unless it is about one of
// Paho's sockets (Descriptors). The list was found by measuring 1.3.12 and reading 1.3.12 and 1.3.14
// (Debian 12 and 13).
//
// These carry Paho's bytes. If Paho does not call one of them, it works on a socket that is
// connected to nothing: no byte passes, and self_test says which function it is.
//  connect      Assigns a channel, which is connected to a broker, to Paho's socket.
//  writev       Writes Paho's bytes to the channel.
//  recv         Reads the bytes for Paho from the channel.
//  poll         Tells Paho which of its sockets are ready; while it waits, Paho's receive thread
//               reads from the broker for the channels whose receiving thread it is.
//  shutdown,    End the channel with the socket.
//  close
//
// These only save time. They depend on the calling thread (paho_threads):
//  usleep       After a second without a packet the receive thread sleeps 100 ms between two
//               polls (MQTTAsync_cycle), although its poll() has waited already. But it must not
//               always return at once: if no socket is open, there is no poll() before it, and with
//               a socket from which Paho will not read yet, poll() does not wait. Both would spin.
//  pthread_cond_timedwait, pthread_cond_signal, Thread_getid, Paho_thread_getid
//               See SendThread.
//
// gcc's sanitizers intercept the same functions in their shared library, which comes after the
// executable: RTLD_NEXT finds theirs, and theirs call the C library's.
#include "mqtt/stand_ins.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <new>
#include <utility>

#include "mqtt/descriptors.h"
#include "mqtt/kept_writes.h"
#include "mqtt/paho_threads.h"
#include "mqtt/real_functions.h"
#include "mqtt/send_thread.h"

namespace dapr_mqtt::mqtt {
namespace {

std::atomic<std::uint64_t> connects{0};
std::atomic<std::uint64_t> polls{0};
std::atomic<std::uint64_t> writes{0};
std::atomic<std::uint64_t> reads{0};
std::atomic<std::uint64_t> closes{0};
std::atomic<std::uint64_t> skipped{0};

void count(std::atomic<std::uint64_t>& counter) { counter.fetch_add(1, std::memory_order_relaxed); }

enum class LastPoll { kNone, kWaited, kFoundWork };
thread_local LastPoll last_poll = LastPoll::kNone;

bool any_of_pahos(const pollfd* fds, nfds_t size) {
  for (nfds_t i = 0; i < size; ++i) {
    if (Descriptors::instance().find(fds[i].fd)) return true;
  }
  return false;
}

/// Instead of the receive thread's sleep of 100 ms.
void idle(useconds_t microseconds) {
  count(skipped);
  Descriptors::instance().close_kept();
  switch (std::exchange(last_poll, LastPoll::kNone)) {
    case LastPoll::kWaited: return;
    case LastPoll::kFoundWork:  // Paho does not do this work yet
      real_poll(nullptr, 0, 1);
      return;
    case LastPoll::kNone: {  // no socket open
      Waker& waker = *Descriptors::instance().waker();
      pollfd wake{waker.fd(), POLLIN, 0};
      if (real_poll(&wake, 1, static_cast<int>(microseconds / 1000)) > 0) waker.drain();
      return;
    }
  }
}

}  // namespace

void link_stand_ins() {}

StandInCalls stand_in_calls() {
  return {connects.load(), polls.load(), writes.load(), reads.load(), closes.load()};
}

std::uint64_t sleeps_skipped() { return skipped.load(); }

}  // namespace dapr_mqtt::mqtt

using namespace dapr_mqtt::mqtt;  // NOLINT: for the C functions below

extern "C" {

int connect(int fd, const sockaddr* address, socklen_t size) {
  if (Descriptors::is_offer(address, size)) {
    count(connects);
    set_role(PahoThread::kSend);
    try {  // the caller is C
      return Descriptors::instance().connect(fd, address);
    } catch (const std::bad_alloc&) {
      errno = ENOMEM;
      return -1;
    }
  }
  static const auto function = next<int(int, const sockaddr*, socklen_t)>("connect");
  return function(fd, address, size);
}

ssize_t writev(int fd, const iovec* parts, int number) {
  if (const auto channel = Descriptors::instance().find(fd)) {
    count(writes);
    const ssize_t written = channel->write(parts, number);
    const int error = errno;
    after_write(channel);
    errno = error;
    return written;
  }
  static const auto function = next<ssize_t(int, const iovec*, int)>("writev");
  return function(fd, parts, number);
}

ssize_t recv(int fd, void* buffer, std::size_t size, int flags) {
  if (const auto channel = Descriptors::instance().find(fd)) {
    count(reads);
    return channel->read_for_client(buffer, size);
  }
  static const auto function = next<ssize_t(int, void*, std::size_t, int)>("recv");
  return function(fd, buffer, size, flags);
}

int poll(pollfd* fds, nfds_t size, int timeout_ms) {
  if (role() != PahoThread::kReceive) {
    if (!any_of_pahos(fds, size)) return real_poll(fds, size, timeout_ms);
    set_role(PahoThread::kReceive);
  }
  count(polls);
  int ready = 0;
  try {  // the caller is C
    ready = Descriptors::instance().poll(fds, size, timeout_ms);
  } catch (const std::bad_alloc&) {
    real_poll(nullptr, 0, 1);  // as if nothing had come yet
  }
  if (timeout_ms != 0) last_poll = ready == 0 ? LastPoll::kWaited : LastPoll::kFoundWork;
  return ready;
}

int shutdown(int fd, int how) noexcept {
  if (Descriptors::instance().shut(fd)) count(closes);
  static const auto function = next<int(int, int)>("shutdown");
  return function(fd, how);
}

int close(int fd) {
  if (Descriptors::instance().closed(fd)) {
    count(closes);
    return 0;
  }
  return real_close(fd);
}

int usleep(useconds_t microseconds) {
  if (role() == PahoThread::kReceive) {
    idle(microseconds);
    return 0;
  }
  static const auto function = next<int(useconds_t)>("usleep");
  return function(microseconds);
}

int pthread_cond_signal(pthread_cond_t* condition) noexcept {
  send_thread().signalled(condition);
  static const auto function = next<int(pthread_cond_t*)>("pthread_cond_signal");
  return function(condition);
}

int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                           const timespec* until) {
  if (role() == PahoThread::kSend) return send_thread().wait(condition, mutex, until);
  static const auto function =
      next<int(pthread_cond_t*, pthread_mutex_t*, const timespec*)>("pthread_cond_timedwait");
  return function(condition, mutex, until);
}

// These replace functions of Paho. They are weak, so that a statically linked Paho uses its own.
// NOLINTBEGIN(readability-identifier-naming)
[[gnu::weak]] pthread_t Thread_getid() { return send_thread().thread_number(); }
[[gnu::weak]] pthread_t Paho_thread_getid() { return send_thread().thread_number(); }
// NOLINTEND(readability-identifier-naming)

}  // extern "C"
