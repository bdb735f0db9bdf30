// A client library that accepts only answers that it asked for, in the forms that MQTT allows. It
// is independent of src/packets, to find what src/packets lets pass wrongly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>

#include "dapr_mqtt/core/connection_options.h"

namespace dapr_mqtt::fuzz {

class StrictClient {
 public:
  explicit StrictClient(core::ProtocolVersion protocol) : protocol_(protocol) {}

  enum class Open { kQos1, kQos2, kReceived, kReleased, kSubscribe, kUnsubscribe };
  void sent(std::uint16_t id, Open what, std::size_t filters = 0) { open_[id] = {what, filters}; }

  /// Aborts when `packet` is malformed or was not asked for.
  void receive(std::string_view packet);
  /// The identifier that the packet before this one wants a PUBREL for; 0: none.
  std::uint16_t wants_pubrel() const { return wants_pubrel_; }

 private:
  struct Request {
    Open what;
    std::size_t filters;
  };
  bool mqtt5() const { return protocol_ == core::ProtocolVersion::kMqtt5; }
  void receive_connack(std::string_view body);
  void receive_acknowledgement(unsigned type, std::string_view body);
  void receive_codes(unsigned type, std::string_view body);
  void end(std::uint16_t id, Open what);

  const core::ProtocolVersion protocol_;
  bool connected_ = false;
  bool refused_ = false;
  std::map<std::uint16_t, Request> open_;
  std::uint16_t wants_pubrel_ = 0;
};

}  // namespace dapr_mqtt::fuzz
