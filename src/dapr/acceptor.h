// Takes connections in and says when they end.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <unordered_map>

#include "dapr/fd_numbers.h"
#include "dapr/log_throttle.h"
#include "dapr/peer_policy.h"
#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/base/unique_fd.h"

namespace dapr_mqtt::dapr {

/// A connection by the number of its descriptor, which is also what gRPC calls
/// it. Not used again soon (FdNumbers).
using ConnectionId = int;

/// What the acceptor tells. Called on its thread; must not block.
class ConnectionHandler {
 public:
  virtual ~ConnectionHandler() = default;
  /// A new connection, admitted and non-blocking; the handler owns `fd`, whose
  /// number is the connection's id.
  virtual void on_connected(base::UniqueFd fd) = 0;
  /// The peer is gone, or gRPC gave the connection up. Once for each.
  virtual void on_ended(ConnectionId connection) = 0;
};

struct AcceptorOptions {
  PeerPolicy policy;
  std::size_t max_connections = 256;
};

/// A thread that accepts, and that watches a duplicate of each connection for
/// its end (epoll(7), EPOLLRDHUP), which shows at once, also on an idle one.
///
/// Thread safety: start, stop_accepting and stop from one thread.
class Acceptor {
 public:
  /// `listen_fd` is borrowed; handler and log outlive the acceptor.
  Acceptor(int listen_fd, AcceptorOptions options, ConnectionHandler& handler, base::Log log);
  ~Acceptor() { stop(); }
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  /// RESOURCE_EXHAUSTED when the system has no descriptors or threads for it.
  base::Status start();
  /// No connection is taken from soon after this; their ends are still told.
  void stop_accepting();
  /// Ends and joins the thread: no call of the handler after this. Idempotent.
  void stop();

 private:
  void run();
  void wake();
  int timeout_ms(base::TimePoint now) const;
  void watch_listener(bool on);
  void accept_all();
  /// False when nothing more can be accepted now.
  bool accept_one();
  void admit(base::UniqueFd fd);
  void peer_hung_up(ConnectionId connection);
  void report_ends(base::TimePoint now);

  struct Ending {
    base::TimePoint due;
    ConnectionId connection;
  };

  const int listen_fd_;
  const AcceptorOptions options_;
  ConnectionHandler& handler_;
  const base::Log log_;
  base::UniqueFd epoll_;
  base::UniqueFd wake_;
  std::atomic<bool> accepting_{true};
  std::atomic<bool> stopping_{false};

  // The thread's own.
  FdNumbers numbers_;
  LogThrottle refused_;
  LogThrottle exhausted_;
  std::unordered_map<ConnectionId, base::UniqueFd> watched_;
  std::deque<Ending> endings_;
  bool listening_ = false;
  base::TimePoint listen_again_{};

  std::thread thread_;
};

}  // namespace dapr_mqtt::dapr
