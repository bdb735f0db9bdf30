#include "packets/packet_type.h"

#include <array>
#include <cstddef>

namespace dapr_mqtt::packets {
namespace {

base::Status broken_protocol(std::string_view how, PacketType type, std::string_view what) {
  return base::unavailable(std::string(how) + " " + std::string(name_of(type)) +
                           " from the broker: " + std::string(what));
}

}  // namespace

std::string_view name_of(PacketType type) {
  static constexpr std::array<std::string_view, 16> kNames = {
      "packet of type 0", "CONNECT",  "CONNACK",    "PUBLISH", "PUBACK",      "PUBREC",
      "PUBREL",           "PUBCOMP",  "SUBSCRIBE",  "SUBACK",  "UNSUBSCRIBE", "UNSUBACK",
      "PINGREQ",          "PINGRESP", "DISCONNECT", "AUTH"};
  return kNames[static_cast<std::size_t>(type)];
}

base::Status malformed(PacketType type, std::string_view what) {
  return broken_protocol("malformed", type, what);
}

base::Status unexpected(PacketType type, std::string_view what) {
  return broken_protocol("unexpected", type, what);
}

base::Status client_writes(std::string_view what) {
  return base::internal_error("the client library writes " + std::string(what));
}

}  // namespace dapr_mqtt::packets
