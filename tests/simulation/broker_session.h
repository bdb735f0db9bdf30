// A broker's side of one persistent session (MQTT 3.1.1 sections 4.3 and 4.4), for simulations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "dapr_mqtt/core/message.h"

namespace dapr_mqtt::simulation {

/// Sends its messages in order, never more than its window without an acknowledgement. On a new
/// connection it sends the unacknowledged ones again.
class BrokerSession {
 public:
  using Number = std::uint64_t;
  struct Queued {
    Number number = 0;
    core::QoS qos = core::QoS::kAtLeastOnce;
  };
  /// A packet that it sends.
  struct Sent {
    enum class Kind { kPublish, kPubrel };
    Kind kind = Kind::kPublish;
    std::uint16_t id = 0;
    Queued message;
    bool duplicate = false;
  };

  explicit BrokerSession(std::size_t window) : window_(window) {}

  void queue(Queued message) { waiting_.push_back(message); }
  /// A connection begins. Messages that were not acknowledged will be sent again.
  void connect();
  void disconnect() { connected_ = false; }
  bool connected() const { return connected_; }

  /// The next packet, if there is one.
  std::optional<Sent> next();
  /// The broker reads what the client has sent. `acknowledged` is called for each message that the
  /// broker forgets: at PUBACK, or PUBREC. Returns the violation of the protocol, if there is one.
  std::optional<std::string> read(std::string_view bytes,
                                  const std::function<void(const Queued&)>& acknowledged);

  /// No message waits, and none is unacknowledged.
  bool idle() const { return waiting_.empty() && on_the_way_.empty(); }
  std::size_t on_the_way() const { return on_the_way_.size(); }

 private:
  struct OnTheWay {
    Queued message;
    std::uint16_t id = 0;
    bool sent = false;  ///< on this connection
    bool sent_before = false;
    bool received = false;  ///< PUBREC has come
    bool released = false;  ///< PUBREL was sent on this connection
  };

  const std::size_t window_;
  std::deque<Queued> waiting_;
  std::deque<OnTheWay> on_the_way_;
  std::uint16_t last_id_ = 0;
  bool connected_ = false;
};

}  // namespace dapr_mqtt::simulation
