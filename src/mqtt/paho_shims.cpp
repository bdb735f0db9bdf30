// Functions of the C library that Paho calls, in versions of our own.
//
// libpaho-mqtt3as binds these names at run time, and the executable comes first
// in that search, so what is defined here stands in for the C library's. Each
// passes straight on unless the caller is one of Paho's two threads, told by the
// names that Paho gives them (the same from 1.3.12 to master). Found by measuring
// 1.3.12 and reading 1.3.12 and 1.3.14 (Debian 12 and 13); one process-wide pair
// of threads serves all clients, so the state here is process-wide too: the one
// exception to the rule against mutable globals.
//
//  usleep       After a second without a packet the receive thread sleeps 100 ms
//               between two looks (MQTTAsync_cycle), though its poll() has waited
//               already: messages and PUBACKs came up to 91 ms late, now 0.4 ms.
//               It must not always return at once, though: with no socket open
//               there is no poll() before it, and with a socket that is readable
//               but not writable poll() does not wait. Both would spin.
//  poll         The receive thread waits up to 1 s on the sockets it knew when it
//               began. One added meanwhile is not looked at: a second connection
//               took 1.2 to 2.0 s. The rest of a partial write goes out only once
//               for each such wait: 16 MiB took 2.2 s, 64 MiB 16.5 s. While
//               somebody is in a hurry (Hurry), the wait is a few milliseconds.
//               Before the wait, what has been read is acknowledged to the other
//               side's TCP (TCP_QUICKACK). A broker that leaves Nagle's algorithm on,
//               as mosquitto does, keeps back all PUBACKs but the first until then,
//               and the kernel takes 40 ms: a bulk of 100 took 44 ms, now 3 ms.
//  pthread_cond_timedwait, pthread_cond_signal
//               The send thread looks for work, then waits on a condition without
//               a predicate: a signal that falls between the two is lost, and the
//               publish waits 1 s (about one in 15,000). Here a signal on that
//               condition is remembered until the next wait. Paho holds the
//               condition's mutex at both places, so it guards the memory too.
//               And where the send thread waits, it can do something for us first
//               (send_thread()): a publish wakes one thread instead of two.
//  Thread_getid, Paho_thread_getid (1.3.12, from 1.3.13 on)
//               Paho's own: its calls take no lock on its two threads, since there they
//               can only be made in a callback, under the lock. Not so what the send
//               thread does for us: meanwhile it goes by another number.
//  connect      Sets TCP_NODELAY, which Paho never does: Nagle's algorithm and
//               delayed acknowledgements together cost 40 ms.
//  recv, writev, shutdown, and poll once more
//               Paho makes some seven system calls for a message. With paho_sockets it
//               reads ahead, and what it writes goes out together.
//  SSL_read, SSL_write
//               Not so with TLS, where an acknowledgement goes out at once: what must be
//               done before it is done here, and where it failed nothing goes out.
//  getaddrinfo  Paho looks names up with its process-wide lock held, so that one
//               slow name server stops all clients. We look up on a thread of our
//               own first and hand the address over here; the name stays in the
//               URI for TLS (SNI, host name check) and WebSocket (Host).
//  getenv       1.3.12 sends every connection, plain MQTT too, through what
//               http_proxy says. A proxy is never taken from the environment.
//
// Under gcc's sanitizers the same functions are intercepted in their shared
// library, which comes after the executable: RTLD_NEXT finds theirs, and theirs
// call the C library's.
#include "mqtt/paho_shims.h"

#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include "mqtt/before_acknowledging.h"
#include "mqtt/paho_sockets.h"
#include "mqtt/paho_threads.h"

namespace dapr_mqtt::mqtt::shims {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// ---- The functions that come after ours ----

int real_poll(pollfd* fds, nfds_t count, int timeout_ms) {
  static const auto function = next<int(pollfd*, nfds_t, int)>("poll");
  return function(fds, count, timeout_ms);
}

int real_cond_signal(pthread_cond_t* condition) {
  static const auto function = next<int(pthread_cond_t*)>("pthread_cond_signal");
  return function(condition);
}

int real_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until) {
  static const auto function =
      next<int(pthread_cond_t*, pthread_mutex_t*, const timespec*)>("pthread_cond_timedwait");
  return function(condition, mutex, until);
}

// ---- Counters ----

std::atomic<std::uint64_t> sleeps_skipped{0};
std::atomic<std::uint64_t> signals_remembered{0};
std::atomic<std::uint64_t> sockets_undelayed{0};
std::atomic<std::uint64_t> lookups_pinned{0};
std::atomic<std::uint64_t> works_lent{0};
std::atomic<std::uint64_t> acks_hastened{0};

void count(std::atomic<std::uint64_t>& counter) { counter.fetch_add(1, std::memory_order_relaxed); }

// ---- The send thread's condition ----

// Learned when the send thread waits for the first time (10 ms after its start).
// The mutex is stored first: who sees the condition sees its mutex.
std::atomic<pthread_mutex_t*> send_mutex{nullptr};
std::atomic<pthread_cond_t*> send_condition{nullptr};
bool send_signalled = false;  // guarded by *send_mutex

// Set when Paho has asked for the send thread's number: only then does it go by what
// we say, and may that thread work for us.
std::atomic<bool> send_thread_numbered{false};
thread_local bool works_for_us = false;

pthread_t thread_number() {
  static char other = 0;
  if (works_for_us) return reinterpret_cast<pthread_t>(&other);
  // The first calls come (from its tracing) before a thread has named itself.
  if (!send_thread_numbered.load(std::memory_order_relaxed) &&
      caller_by_name() == Caller::kSend) {
    send_thread_numbered.store(true);
  }
  return ::pthread_self();
}

using Works = std::vector<std::function<void()>>;

// Guarded by *send_mutex. Never destroyed, since Paho's threads run until the process ends.
bool send_waits = false;
Works& send_work = *new Works;

class SendThread final : public base::SpareThread {
 public:
  bool lend(std::function<void()> work) override {
    pthread_cond_t* condition = send_condition.load();
    if (condition == nullptr || !send_thread_numbered.load()) return false;
    pthread_mutex_t* mutex = send_mutex.load();
    ::pthread_mutex_lock(mutex);
    send_work.push_back(std::move(work));
    // Else it is busy with commands, and looks before it waits.
    if (send_waits) real_cond_signal(condition);
    ::pthread_mutex_unlock(mutex);
    return true;
  }
};

/// On the send thread, which holds `mutex` before and after, but not meanwhile: the
/// work calls Paho, and Paho signals.
void do_send_work(pthread_mutex_t* mutex) {
  static Works& batch = *new Works;  // keeps its memory; the send thread's alone
  batch.swap(send_work);
  ::pthread_mutex_unlock(mutex);
  works_for_us = true;
  for (auto& work : batch) {
    count(works_lent);
    work();
  }
  works_for_us = false;
  batch.clear();
  ::pthread_mutex_lock(mutex);
}

void wake_send_thread() {
  pthread_cond_t* condition = send_condition.load();
  if (condition == nullptr) return;
  pthread_mutex_t* mutex = send_mutex.load();
  ::pthread_mutex_lock(mutex);
  send_signalled = true;
  real_cond_signal(condition);
  ::pthread_mutex_unlock(mutex);
}

// ---- Hurry ----

// How often the loops look while somebody is in a hurry. The slower pace is for
// what takes long anyway (a broker that does not answer, a slow network).
constexpr milliseconds kFast{2};
constexpr milliseconds kSlow{20};
constexpr milliseconds kFastFor{1000};

std::atomic<int> hurrying{0};
std::atomic<steady_clock::rep> hurry_began{0};

/// `wished_ms` cut to the pace of the hurry, if there is one.
int paced(int wished_ms) {
  if (hurrying.load() == 0) return wished_ms;
  const auto since =
      steady_clock::now() - steady_clock::time_point(steady_clock::duration(hurry_began.load()));
  const auto pace = since < kFastFor ? kFast : kSlow;
  return wished_ms < 0 ? static_cast<int>(pace.count())
                       : std::min(wished_ms, static_cast<int>(pace.count()));
}

// ---- The receive thread's wait ----

enum class LastPoll { kNone, kWaited, kFoundWork };
thread_local LastPoll last_poll = LastPoll::kNone;

/// The sockets that had something to read since the last wait.
thread_local std::vector<int> just_read;

void acknowledge_what_was_read() {
  for (const int fd : just_read) {
    const int on = 1;
    if (::setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on) == 0) count(acks_hastened);
  }
  just_read.clear();
}

/// poll() that a Hurry ends too.
int interruptible_poll(pollfd* fds, nfds_t size, int timeout_ms) {
  static thread_local std::vector<pollfd> all;
  static thread_local std::vector<int> sent;
  sent.clear();
  sockets::flush(&sent);
  // What was sent carried TCP's acknowledgement.
  for (const int fd : sent) std::erase(just_read, fd);
  all.assign(fds, fds + size);
  if (!sockets::before_wait(all.data(), size)) timeout_ms = 0;
  all.push_back({wake_fd(), POLLIN, 0});
  int ready = 0;
  if (!just_read.empty()) {
    ready = real_poll(all.data(), all.size(), 0);
    if (ready == 0) acknowledge_what_was_read();
  }
  if (ready == 0) ready = real_poll(all.data(), all.size(), paced(timeout_ms));
  if (ready < 0) {
    for (pollfd& fd : all) fd.revents = 0;
  }
  if (all.back().revents != 0) drain_wake_fd();
  for (nfds_t i = 0; i < size; ++i) {
    fds[i].revents = all[i].revents;
    if ((fds[i].revents & POLLIN) != 0 &&
        std::find(just_read.begin(), just_read.end(), fds[i].fd) == just_read.end()) {
      just_read.push_back(fds[i].fd);
    }
  }
  const int found = sockets::after_wait(fds, size);
  if (ready > 0 || found > 0) ready = found;
  last_poll = ready == 0 ? LastPoll::kWaited : LastPoll::kFoundWork;
  // What the send thread put aside during a partial write is not signalled
  // when the write is complete.
  if (hurrying.load() > 0) wake_send_thread();
  return ready;
}

/// Instead of the receive thread's sleep of 100 ms.
void idle(useconds_t microseconds) {
  count(sleeps_skipped);
  switch (std::exchange(last_poll, LastPoll::kNone)) {
    case LastPoll::kWaited: return;
    case LastPoll::kFoundWork: {  // … that Paho would not do: its socket is not writable
      real_poll(nullptr, 0, 1);
      return;
    }
    case LastPoll::kNone: {  // no socket open
      pollfd wake{wake_fd(), POLLIN, 0};
      if (real_poll(&wake, 1, paced(static_cast<int>(microseconds / 1000))) > 0) drain_wake_fd();
      return;
    }
  }
}

// ---- Pinned addresses ----

struct Pin {
  std::uint64_t id;
  std::string host;
  std::string address;
};
std::mutex pins_mutex;
std::vector<Pin> pins;
std::uint64_t last_pin = 0;

std::string pinned(const char* host) {
  const std::lock_guard lock(pins_mutex);
  for (auto pin = pins.rbegin(); pin != pins.rend(); ++pin) {
    if (pin->host == host) return pin->address;
  }
  return {};
}

}  // namespace

Hurry::Hurry() {
  if (hurrying.fetch_add(1) > 0) return;
  hurry_began.store(steady_clock::now().time_since_epoch().count());
  wake_receive_thread();
  wake_send_thread();
}

Hurry::~Hurry() { hurrying.fetch_sub(1); }

PinnedAddress::PinnedAddress(std::string host, std::string address) {
  const std::lock_guard lock(pins_mutex);
  id_ = ++last_pin;
  pins.push_back({id_, std::move(host), std::move(address)});
}

PinnedAddress::~PinnedAddress() {
  const std::lock_guard lock(pins_mutex);
  std::erase_if(pins, [this](const Pin& pin) { return pin.id == id_; });
}

Counters counters() {
  return {sleeps_skipped.load(), signals_remembered.load(), sockets_undelayed.load(),
          lookups_pinned.load(),     works_lent.load(),
          acks_hastened.load()};
}

base::SpareThread& send_thread() {
  static SendThread thread;
  return thread;
}

bool in_force() {
  return ::dlsym(RTLD_DEFAULT, "poll") == reinterpret_cast<void*>(&::poll) &&
         ::dlsym(RTLD_DEFAULT, "pthread_cond_signal") ==
             reinterpret_cast<void*>(&::pthread_cond_signal);
}

}  // namespace dapr_mqtt::mqtt::shims

namespace shims = dapr_mqtt::mqtt::shims;
using shims::Caller;

extern "C" {

int usleep(useconds_t microseconds) {
  if (shims::caller() == Caller::kReceive) {
    shims::idle(microseconds);
    return 0;
  }
  static const auto function = shims::next<int(useconds_t)>("usleep");
  return function(microseconds);
}

int poll(pollfd* fds, nfds_t size, int timeout_ms) {
  if (shims::caller() != Caller::kReceive) return shims::real_poll(fds, size, timeout_ms);
  if (const int ready = shims::sockets::ready(fds, size); ready > 0) return ready;
  return timeout_ms == 0 ? shims::sockets::writable(fds, size, shims::real_poll(fds, size, 0))
                         : shims::interruptible_poll(fds, size, timeout_ms);
}

int pthread_cond_signal(pthread_cond_t* condition) noexcept {
  if (condition == shims::send_condition.load(std::memory_order_relaxed)) {
    shims::send_signalled = true;
  }
  return shims::real_cond_signal(condition);
}

int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                           const timespec* until) {
  if (shims::caller() != Caller::kSend) {
    return shims::real_cond_timedwait(condition, mutex, until);
  }
  if (shims::send_condition.load() != condition) {
    shims::send_signalled = false;
    shims::send_mutex.store(mutex);
    shims::send_condition.store(condition);
  }
  int result = 0;
  shims::sockets::flush();
  if (shims::send_signalled) {
    shims::count(shims::signals_remembered);
  } else if (shims::send_work.empty()) {
    shims::send_waits = true;
    result = shims::real_cond_timedwait(condition, mutex, until);
    shims::send_waits = false;
  }
  if (!shims::send_work.empty()) {
    shims::do_send_work(mutex);
    result = 0;
  }
  shims::send_signalled = false;
  return result;
}

pthread_t Thread_getid() { return shims::thread_number(); }
pthread_t Paho_thread_getid() { return shims::thread_number(); }

int connect(int fd, const sockaddr* address, socklen_t size) {
  if (shims::caller() == Caller::kSend &&
      (address->sa_family == AF_INET || address->sa_family == AF_INET6)) {
    const int on = 1;
    if (::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0) {
      shims::count(shims::sockets_undelayed);
    }
  }
  if (shims::caller() == Caller::kSend) shims::sockets::opened(fd);
  static const auto function = shims::next<int(int, const sockaddr*, socklen_t)>("connect");
  return function(fd, address, size);
}

int shutdown(int fd, int how) noexcept {
  shims::sockets::closing(fd);
  static const auto function = shims::next<int(int, int)>("shutdown");
  return function(fd, how);
}

ssize_t recv(int fd, void* buffer, std::size_t size, int flags) {
  if (flags == 0 && shims::caller() == Caller::kReceive) {
    return shims::sockets::read(fd, buffer, size);
  }
  static const auto function = shims::next<ssize_t(int, void*, std::size_t, int)>("recv");
  return function(fd, buffer, size, flags);
}

ssize_t writev(int fd, const iovec* parts, int count) {
  return shims::sockets::write(fd, parts, count);
}

int SSL_read(SSL* connection, void* buffer, int size) {
  if (shims::caller() == Caller::kReceive) shims::handling(::SSL_get_fd(connection));
  static const auto function = shims::next<int(SSL*, void*, int)>("SSL_read");
  return function(connection, buffer, size);
}

int SSL_write(SSL* connection, const void* data, int size) {
  const Caller caller = shims::caller();
  // Paho's acknowledgement goes out with this, at once.
  if (caller == Caller::kReceive) shims::do_what_comes_before_acknowledging();
  if (caller != Caller::kOther && shims::refused(::SSL_get_fd(connection))) return size;
  static const auto function = shims::next<int(SSL*, const void*, int)>("SSL_write");
  return function(connection, data, size);
}

int getaddrinfo(const char* host, const char* service, const addrinfo* hints, addrinfo** result) {
  static const auto function =
      shims::next<int(const char*, const char*, const addrinfo*, addrinfo**)>("getaddrinfo");
  if (host != nullptr && shims::caller() == Caller::kSend) {
    const std::string address = shims::pinned(host);
    if (!address.empty()) {
      shims::count(shims::lookups_pinned);
      return function(address.c_str(), service, hints, result);
    }
  }
  return function(host, service, hints, result);
}

char* getenv(const char* name) noexcept {
  const std::string_view wanted(name);
  if (shims::caller() == Caller::kSend && (wanted == "http_proxy" || wanted == "https_proxy" ||
                                           wanted == "PAHO_C_CLIENT_USE_HTTP_PROXY")) {
    return nullptr;
  }
  // As the C library does it; it may be called before dlsym can be.
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    if (std::strncmp(*entry, name, wanted.size()) == 0 && (*entry)[wanted.size()] == '=') {
      return *entry + wanted.size() + 1;
    }
  }
  return nullptr;
}

}  // extern "C"
