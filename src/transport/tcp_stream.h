#pragma once

#include <chrono>
#include <optional>

#include "dapr_mqtt/base/unique_fd.h"
#include "dapr_mqtt/transport/byte_stream.h"

namespace dapr_mqtt::transport {

/// How soon the kernel notices that the other side is gone without closing the connection.
struct TcpTimeouts {
  std::chrono::seconds idle;             ///< TCP_KEEPIDLE: silence before the first probe
  std::chrono::seconds interval;         ///< TCP_KEEPINTVL: time between probes
  int probes;                            ///< TCP_KEEPCNT
  std::chrono::milliseconds unanswered;  ///< TCP_USER_TIMEOUT
};

/// For an MQTT keep alive; 0 (none) counts as kDefaultKeepAlive.
TcpTimeouts timeouts_for(std::chrono::seconds keep_alive);

constexpr std::chrono::seconds kDefaultKeepAlive{60};

/// A connected TCP socket.
class TcpStream final : public ByteStream {
 public:
  /// `socket`: connected and non-blocking.
  TcpStream(base::UniqueFd socket, std::chrono::seconds keep_alive);

  int fd() const override { return socket_.get(); }
  IoResult read(char* buffer, std::size_t size) override;
  bool has_buffered_input() const override { return false; }
  IoResult write(const char* data, std::size_t size) override;
  IoResult flush() override;
  bool wants_write() const override { return false; }
  bool closed_by_peer() const override { return closed_by_peer_; }
  void shut_down() override;

 private:
  IoResult failed(int error);

  const base::UniqueFd socket_;
  // Two of them, since the other side's last bytes can still be read after a write has failed.
  std::optional<IoResult> read_end_;
  std::optional<IoResult> write_end_;
  bool closed_by_peer_ = false;
};

}  // namespace dapr_mqtt::transport
