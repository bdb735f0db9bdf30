// Paho's sockets and the channels behind them.
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "dapr_mqtt/base/mutex.h"
#include "mqtt/channel.h"

namespace dapr_mqtt::mqtt {

/// Maps Paho's sockets to channels. Paho is told to connect to an address to which no connection is
/// possible; the stand-in for connect() finds the channel by the port of that address and assigns it
/// to the socket, which itself is never connected. A call on the socket that does not come here
/// fails with ENOTCONN in the kernel: no byte reaches a broker without going through the channel.
///
/// Thread-safe. One for the process, since Paho's functions are process-wide. Never destroyed.
class Descriptors {
 public:
  static Descriptors& instance();

  /// Returns a URI to give to Paho, to be used once: connect() finds the channel by it until
  /// withdraw(). `receive_here`: poll() below is the channel's receiving thread. RESOURCE_EXHAUSTED
  /// while 65,535 offers are open.
  base::Result<std::string> offer(std::shared_ptr<Channel> channel, bool receive_here);
  void withdraw(const std::string& uri);

  /// Whether this is an address of the form that offer() returns.
  static bool is_offer(const sockaddr* address, socklen_t size);
  /// As connect(2): ECONNREFUSED when there is no such offer.
  int connect(int fd, const sockaddr* address);
  /// Null when `fd` is not one of Paho's sockets; that is the fast case.
  std::shared_ptr<Channel> find(int fd) const;
  /// For shutdown(2): ends the channel. False: `fd` is not one of Paho's sockets.
  bool shut(int fd);
  /// For close(2): likewise, and the descriptor number stays in use until the receive thread waits
  /// again. False: `fd` is not one of Paho's sockets, and the caller must close it.
  ///
  /// Paho's receive thread reads a packet, releases its lock, and then looks for the client by the
  /// socket's number. If that number belonged to another connection by then, that one would get the
  /// packet: a CONNACK or SUBACK that its broker has not sent.
  bool closed(int fd);
  /// Closes the descriptors that closed() has kept. Called while the receive thread waits and so
  /// holds no packet.
  void close_kept();

  /// poll() for Paho's receive thread. It is also the receiving thread of the channels that were
  /// offered with `receive_here`; for the others it only checks what is ready for Paho.
  int poll(pollfd* fds, nfds_t size, int timeout_ms);
  /// Ends that poll() early, or the next one, so that Paho checks all its sockets again.
  void look_again();
  /// Wakes that poll().
  const std::shared_ptr<Waker>& waker() const { return waker_; }

 private:
  Descriptors() = default;

  struct Entry {
    std::shared_ptr<Channel> channel;
    bool receive_here = false;
  };
  using Entries = std::unordered_map<int, Entry>;

  static std::size_t slot(int fd) { return static_cast<std::size_t>(fd) % kSlots; }
  /// Ends the channel; the caller has removed it from open_.
  void end(Entry dropped);
  void refresh(Entries& entries) const;
  bool wait_and_receive(Entries& entries, int timeout_ms);

  const std::shared_ptr<Waker> waker_ = std::make_shared<Waker>();
  std::atomic<bool> look_again_{false};

  /// How many of Paho's sockets (open_ and shut_) are in each slot. For a slot with 0 no lock is
  /// needed, which is the usual case.
  static constexpr std::size_t kSlots = 4096;
  std::array<std::atomic<std::uint32_t>, kSlots> used_{};

  mutable base::Mutex mutex_;
  Entries open_ DM_GUARDED_BY(mutex_);
  std::unordered_set<int> shut_ DM_GUARDED_BY(mutex_);   ///< shut down, but not closed yet
  std::vector<int> kept_numbers_ DM_GUARDED_BY(mutex_);  ///< closed by Paho, still open in fact
  std::atomic<bool> keeps_numbers_{false};
  std::unordered_map<std::uint16_t, Entry> offered_ DM_GUARDED_BY(mutex_);
  std::uint16_t last_port_ DM_GUARDED_BY(mutex_) = 0;
  std::atomic<std::uint64_t> version_{1};  ///< of open_
};

}  // namespace dapr_mqtt::mqtt
