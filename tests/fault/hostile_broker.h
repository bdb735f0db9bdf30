// A broker for many clients at once that says what its script wants, right or wrong.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "dapr_mqtt/base/unique_fd.h"
#include "fault/hostile_streams.h"
#include "support/mqtt_bytes.h"

namespace dapr_mqtt::testing {

/// One client's connection, as its script sees it.
struct Conversation {
  std::string client_id;  ///< from CONNECT on
  /// Requests that the script has not answered. The script's to change.
  std::vector<mqtt::ClientPacket> open;
  std::size_t requests = 0;                 ///< how many there were
  std::optional<HostileStreams> streams{};  ///< the script's
};

/// What to do next. All calls come from the broker's thread.
class HostileScript {
 public:
  struct Act {
    std::string bytes{};
    /// Behind these bytes the broker closes its side of the connection: that was one stream.
    bool last = false;
    /// So many of them come first, the others a moment later.
    std::size_t first_part = std::string::npos;
  };

  virtual ~HostileScript() = default;
  virtual Act on_packet(Conversation& with, const mqtt::ClientPacket& packet) = 0;
  /// The client has sent nothing for a moment.
  virtual Act on_silence(Conversation& with) = 0;
};

/// On loopback, on a free port, with a thread of its own until it is destroyed.
class HostileBroker {
 public:
  HostileBroker(mqtt::ProtocolVersion protocol, HostileScript& script);
  ~HostileBroker();
  HostileBroker(const HostileBroker&) = delete;
  HostileBroker& operator=(const HostileBroker&) = delete;

  std::uint16_t port() const { return port_; }
  /// Streams sent whose client has closed its side too.
  std::size_t streams() const { return streams_.load(); }
  /// How often a client has not closed its side within ten seconds of the stream's end.
  std::size_t stuck() const { return stuck_.load(); }

 private:
  struct Peer;
  void run();
  void accept();
  bool read(Peer& peer);
  void perform(Peer& peer, HostileScript::Act act);
  bool look_at_clock(Peer& peer);

  const mqtt::ProtocolVersion protocol_;
  HostileScript& script_;
  base::UniqueFd server_;
  std::uint16_t port_ = 0;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::atomic<std::size_t> streams_{0};
  std::atomic<std::size_t> stuck_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace dapr_mqtt::testing
