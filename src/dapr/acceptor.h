// Accepts connections and reports when they end.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <unordered_map>

#include "dapr/fd_numbers.h"
#include "dapr/peer_policy.h"
#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/repeat_filter.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/base/unique_fd.h"

namespace dapr_mqtt::dapr {

/// The number of the connection's descriptor, by which gRPC names it too. It is not reused soon
/// (FdNumbers).
using ConnectionId = int;

/// Receives the acceptor's events. Called on its thread; must not block.
class ConnectionHandler {
 public:
  virtual ~ConnectionHandler() = default;
  /// A new connection, admitted and non-blocking; the handler owns `fd`, whose
  /// number is the connection's id.
  virtual void on_connected(base::UniqueFd fd) = 0;
  /// The peer is gone, or gRPC has closed the connection. Called once for each connection.
  virtual void on_ended(ConnectionId connection) = 0;
};

struct AcceptorOptions {
  PeerPolicy policy;
  std::size_t max_connections = 256;
  /// The maximum for one user, so that there is room for others whatever that user does.
  std::size_t max_of_a_user = 192;
  /// The maximum of connections that have not begun HTTP/2 yet. One more closes the oldest of them.
  std::size_t max_silent = 64;
  /// The time they have for the connection preface. HTTP/2 clients send it at once (RFC 9113,
  /// section 3.4).
  std::chrono::milliseconds preface_within = std::chrono::seconds(10);
};

/// A thread that accepts connections. It watches a duplicate of each connection's descriptor for
/// its end (epoll(7), EPOLLRDHUP), which is seen at once, also on an idle connection. A connection
/// is handed on when its peer has begun HTTP/2; until then it does not count against
/// max_connections.
///
/// Thread safety: start, stop_accepting and stop are called from one thread.
class Acceptor {
 public:
  /// `listen_fd` is borrowed; handler and log outlive the acceptor.
  Acceptor(int listen_fd, AcceptorOptions options, ConnectionHandler& handler, base::Log log);
  ~Acceptor() { stop(); }
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  /// RESOURCE_EXHAUSTED when the system has no descriptors or threads for it.
  base::Status start();
  /// Soon after this, no more connections are accepted; ends are still reported.
  void stop_accepting();
  /// Ends and joins the thread: the handler is not called after this. Idempotent.
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
  /// Bytes or the end have come on a connection that has not begun HTTP/2.
  void look_at_preface(int fd);
  void hand_on(int fd);
  void close_silent(base::TimePoint now);
  void peer_hung_up(ConnectionId connection);
  void report_ends(base::TimePoint now);
  void warn(base::RepeatFilter& repeats, std::string text);

  struct Silent {
    base::UniqueFd fd;
    uid_t uid;
    base::TimePoint due;
  };
  struct Watched {
    base::UniqueFd fd;  // a duplicate
    uid_t uid;
  };
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

  // Used by the thread only.
  FdNumbers numbers_;
  base::RepeatFilter refused_;
  // Several lines a minute, since each filter serves more than one cause.
  base::RepeatFilter exhausted_{6};
  base::RepeatFilter silence_{6};
  std::deque<Silent> silent_;  // without a preface yet, in order of arrival
  std::unordered_map<ConnectionId, Watched> watched_;
  std::unordered_map<uid_t, std::size_t> of_user_;
  std::deque<Ending> endings_;
  bool listening_ = false;
  base::TimePoint listen_again_{};

  std::thread thread_;
};

}  // namespace dapr_mqtt::dapr
