// A real mosquitto for tests: on loopback, on a free port, with its files in a new
// folder that is removed with the object.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/base/unique_fd.h"
#include "dapr_mqtt/core/connection_options.h"
#include "support/certificates.h"

/// First line of a test that needs the broker: skips the test, with the reason, if
/// mosquitto is not installed.
#define DAPR_MQTT_NEEDS_MOSQUITTO()                                               \
  do {                                                                            \
    if (const auto reason = ::dapr_mqtt::testing::Mosquitto::why_unavailable()) { \
      GTEST_SKIP() << *reason;                                                    \
    }                                                                             \
  } while (false)

namespace dapr_mqtt::testing {

struct MosquittoOptions {
  /// User names and passwords (through mosquitto_passwd). Any: no anonymous clients.
  std::vector<std::pair<std::string, std::string>> users{};
  /// Content of the ACL file, e.g. "pattern readwrite allowed/#" for everybody
  /// ("topic …" lines alone are for anonymous clients). Empty: none.
  /// Mosquitto answers a forbidden subscription with SUBACK 0x80 and drops a
  /// forbidden publish silently (PUBACK all the same).
  std::string acl{};

  /// TLS: CA certificate and the server's identity. All empty: plain TCP.
  std::string ca_pem{};
  Identity server{};
  bool require_client_certificate = false;

  bool websockets = false;
  /// Sessions and messages outlive stop() and restart(), and (saved at each
  /// change) mostly kill().
  bool persistence = false;
  std::optional<int> max_inflight_messages{};
  std::vector<std::string> extra_lines{};  ///< for mosquitto.conf, as they are
};

/// One broker process. Starts in the constructor, which returns once it accepts
/// connections; the destructor kills it. Failure to start throws
/// std::runtime_error with the broker's log.
///
/// To be used by one thread (log() and wait_for_log() by any), the same that
/// made it: the kernel kills the broker when that thread ends, so that a crashed
/// test leaves nothing behind. `log_type all`, so that tests can read in its log
/// what the broker saw. max_packet_size and max_queued_messages are unlimited.
class Mosquitto {
 public:
  /// Why tests cannot use a broker; none when they can.
  static std::optional<std::string> why_unavailable();

  explicit Mosquitto(MosquittoOptions options = {});
  ~Mosquitto();
  Mosquitto(const Mosquitto&) = delete;
  Mosquitto& operator=(const Mosquitto&) = delete;

  std::uint16_t port() const { return port_; }
  /// tcp, ssl, ws or wss as the options have it, host "localhost" under TLS,
  /// else "127.0.0.1".
  core::Endpoint endpoint() const;
  /// endpoint() as a URL for a Component's metadata, e.g. "tcp://127.0.0.1:21883".
  std::string url() const { return endpoint().str(); }

  void stop();     ///< SIGTERM, and waits: clients see the connection close, state is saved
  void kill();     ///< SIGKILL, and waits
  void suspend();  ///< SIGSTOP: TCP connects, but the broker does not answer
  void resume();   ///< SIGCONT
  void start();    ///< after stop() or kill(): again on the same port
  /// Sets a new password for one of its users, with SIGHUP: mosquitto then disconnects clients that
  /// used the old one.
  void set_password(const std::string& user, const std::string& password);
  /// Sets a new server certificate, with SIGHUP: connected clients stay connected.
  void set_server(const Identity& server);
  void restart() {
    stop();
    start();
  }
  bool running() const { return pid_ > 0; }
  pid_t pid() const { return pid_; }

  /// The broker's log so far, including earlier runs.
  std::string log() const;
  /// False when no line that contains `part` has come within `within`. Looks at
  /// what was logged since character `from` of log().
  bool wait_for_log(const std::string& part, std::size_t from = 0,
                    std::chrono::milliseconds within = std::chrono::seconds(45)) const;

 private:
  void write_config();
  void write_tls();
  void reload();
  bool try_start();
  void wait_for_end();
  void join_reader();

  MosquittoOptions options_;
  std::string folder_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;

  mutable base::Mutex mutex_;
  mutable base::CondVar grown_;
  std::string log_ DM_GUARDED_BY(mutex_);
  bool log_ended_ DM_GUARDED_BY(mutex_) = false;
  std::thread reader_;
};

/// A loopback port where nothing listens (connection refused), outside the range
/// that the kernel uses for outgoing connections.
std::uint16_t unused_port();

}  // namespace dapr_mqtt::testing
