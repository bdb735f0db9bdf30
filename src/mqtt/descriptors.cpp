#include "mqtt/descriptors.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>
#include <vector>

#include "mqtt/kept_writes.h"
#include "mqtt/real_functions.h"
#include "mqtt/send_thread.h"

namespace dapr_mqtt::mqtt {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// The base address of multicast (RFC 5771, reserved): the kernel refuses a TCP connection to it at
/// once, without sending anything. So if the stand-in for connect() is not called, Paho connects to
/// nothing.
constexpr const char* kNowhere = "224.0.0.0";

constexpr std::size_t kReadAtOnce = 64U << 10U;

}  // namespace

Descriptors& Descriptors::instance() {
  // Leaked on purpose: Paho's threads run until the process ends.
  static Descriptors* const descriptors = new Descriptors;
  return *descriptors;
}

base::Result<std::string> Descriptors::offer(std::shared_ptr<Channel> channel, bool receive_here) {
  base::MutexLock lock(mutex_);
  if (offered_.size() >= 65'535) {
    return base::resource_exhausted("65,535 connection attempts are under way");
  }
  do {
    ++last_port_;
  } while (last_port_ == 0 || offered_.contains(last_port_));
  offered_.emplace(last_port_, Entry{std::move(channel), receive_here});
  return "tcp://" + std::string(kNowhere) + ":" + std::to_string(last_port_);
}

void Descriptors::withdraw(const std::string& uri) {
  const auto port = static_cast<std::uint16_t>(std::stoul(uri.substr(uri.rfind(':') + 1)));
  Entry dropped;  // destroyed outside the lock
  base::MutexLock lock(mutex_);
  if (auto node = offered_.extract(port); !node.empty()) dropped = std::move(node.mapped());
}

bool Descriptors::is_offer(const sockaddr* address, socklen_t size) {
  if (address == nullptr || size < sizeof(sockaddr_in) || address->sa_family != AF_INET) {
    return false;
  }
  in_addr nowhere{};
  ::inet_pton(AF_INET, kNowhere, &nowhere);
  return reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr == nowhere.s_addr;
}

int Descriptors::connect(int fd, const sockaddr* address) {
  const std::uint16_t port = ntohs(reinterpret_cast<const sockaddr_in*>(address)->sin_port);
  {
    base::MutexLock lock(mutex_);
    auto node = offered_.extract(port);
    if (node.empty()) {
      errno = ECONNREFUSED;
      return -1;
    }
    used_[slot(fd)].fetch_add(open_.contains(fd) || shut_.erase(fd) > 0 ? 0 : 1);
    open_[fd] = std::move(node.mapped());
    version_.fetch_add(1);
  }
  look_again();
  return 0;
}

std::shared_ptr<Channel> Descriptors::find(int fd) const {
  if (fd < 0 || used_[slot(fd)].load() == 0) return nullptr;
  base::MutexLock lock(mutex_);
  const auto found = open_.find(fd);
  return found != open_.end() ? found->second.channel : nullptr;
}

void Descriptors::end(Entry dropped) {
  dropped.channel->client_closed();
  waker_->wake();
}

bool Descriptors::shut(int fd) {
  if (fd < 0 || used_[slot(fd)].load() == 0) return false;
  Entry dropped;
  {
    base::MutexLock lock(mutex_);
    auto node = open_.extract(fd);
    if (node.empty()) return false;
    dropped = std::move(node.mapped());
    shut_.insert(fd);
    version_.fetch_add(1);
  }
  end(std::move(dropped));
  return true;
}

bool Descriptors::closed(int fd) {
  if (fd < 0 || used_[slot(fd)].load() == 0) return false;
  Entry dropped;
  {
    base::MutexLock lock(mutex_);
    auto node = open_.extract(fd);
    if (node.empty() && shut_.erase(fd) == 0) return false;
    if (!node.empty()) dropped = std::move(node.mapped());
    used_[slot(fd)].fetch_sub(1);
    version_.fetch_add(1);
    kept_numbers_.push_back(fd);
    keeps_numbers_ = true;
  }
  if (dropped.channel) end(std::move(dropped));
  waker_->wake();
  return true;
}

void Descriptors::close_kept() {
  if (!keeps_numbers_) return;
  std::vector<int> numbers;
  {
    base::MutexLock lock(mutex_);
    numbers.swap(kept_numbers_);
    keeps_numbers_ = false;
  }
  for (const int fd : numbers) real_close(fd);
}

void Descriptors::look_again() {
  look_again_.store(true);
  waker_->wake();
}

void Descriptors::refresh(Entries& entries) const {
  base::MutexLock lock(mutex_);
  entries = open_;
}

namespace {

/// Fills `fds` as poll() does, with what is ready for Paho now. Sockets that are not in `entries`
/// are about to be connected or closed.
template <typename Entries>
int answer(const Entries& entries, pollfd* fds, nfds_t size) {
  int found = 0;
  for (nfds_t i = 0; i < size; ++i) {
    fds[i].revents = 0;
    const auto entry = entries.find(fds[i].fd);
    if (entry == entries.end()) continue;
    const Channel& channel = *entry->second.channel;
    // While a write is not complete Paho does not read.
    if (!channel.blocked()) {
      if ((fds[i].events & POLLOUT) != 0) fds[i].revents |= POLLOUT;
      if ((fds[i].events & POLLIN) != 0 && channel.has_for_client()) fds[i].revents |= POLLIN;
    }
    if (fds[i].revents != 0) ++found;
  }
  return found;
}

}  // namespace

int Descriptors::poll(pollfd* fds, nfds_t size, int timeout_ms) {
  static thread_local Entries entries;
  static thread_local std::uint64_t entries_version = 0;
  static thread_local bool write_was_continued = false;
  const auto deadline = steady_clock::now() + milliseconds(timeout_ms);
  if (timeout_ms != 0 && std::exchange(write_was_continued, false)) {
    // Paho does not signal its send thread for commands that waited for the end of that write.
    send_thread().wake();
  }
  for (;;) {
    close_kept();
    if (const std::uint64_t version = version_.load(); version != entries_version) {
      entries_version = version;
      refresh(entries);
    }
    const int found = answer(entries, fds, size);
    if (found > 0 || timeout_ms == 0) return found;
    if (look_again_.exchange(false)) return 0;
    for (auto& [fd, entry] : entries) {
      write_was_continued = entry.channel->take_unblocked() || write_was_continued;
    }
    if (write_was_continued) return 0;  // Paho continues it before its next wait
    int left = -1;
    if (timeout_ms > 0) {
      left =
          static_cast<int>(std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count());
      if (left <= 0) return 0;
    }
    flush_kept_writes();
    if (!wait_and_receive(entries, left)) return 0;
  }
}

/// False: time is up.
bool Descriptors::wait_and_receive(Entries& entries, int timeout_ms) {
  static thread_local std::vector<char> buffer(kReadAtOnce);
  static thread_local std::vector<pollfd> all;
  static thread_local std::vector<Channel*> channels;
  all.assign(1, {waker_->fd(), POLLIN, 0});
  channels.assign(1, nullptr);
  bool tcp_acks_pending = false;
  bool at_once = false;
  for (auto& [fd, entry] : entries) {
    if (!entry.receive_here || entry.channel->ended()) continue;
    Channel& channel = *entry.channel;
    const int events = (channel.wants_read() ? POLLIN : 0) | (channel.wants_write() ? POLLOUT : 0);
    // A channel that wants nothing is not polled: POLLHUP would end each poll().
    all.push_back({events != 0 ? channel.fd() : -1, static_cast<short>(events), 0});
    channels.push_back(&channel);
    tcp_acks_pending = tcp_acks_pending || channel.tcp_ack_pending();
    at_once = at_once || channel.wants_receive();
  }
  int ready = 0;
  if (at_once || tcp_acks_pending) ready = real_poll(all.data(), all.size(), 0);
  if (ready == 0 && !at_once) {
    for (Channel* channel : channels) {
      if (tcp_acks_pending && channel != nullptr) channel->before_long_wait();
    }
    ready = real_poll(all.data(), all.size(), timeout_ms);
  }
  if (ready == 0 && !at_once) return false;
  if (all.front().revents != 0) waker_->drain();
  for (std::size_t i = 1; i < all.size(); ++i) {
    if ((all[i].revents & POLLOUT) != 0) channels[i]->writable();
    if (all[i].revents != 0 || channels[i]->wants_receive()) {
      channels[i]->receive(buffer.data(), buffer.size());
    }
  }
  return true;
}

}  // namespace dapr_mqtt::mqtt
