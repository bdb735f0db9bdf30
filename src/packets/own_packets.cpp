#include "dapr_mqtt/packets/packet_filter.h"

namespace dapr_mqtt::packets {
namespace {

void append(unsigned char header, std::uint16_t id, std::string& out) {
  const char packet[] = {static_cast<char>(header), 2, static_cast<char>(id >> 8U),
                         static_cast<char>(id & 0xffU)};
  out.append(packet, sizeof packet);
}

}  // namespace

void append_puback(std::uint16_t id, std::string& out) { append(0x40, id, out); }
void append_pubrec(std::uint16_t id, std::string& out) { append(0x50, id, out); }
void append_pubcomp(std::uint16_t id, std::string& out) { append(0x70, id, out); }
void append_pingreq(std::string& out) { out.append("\xc0\0", 2); }
void append_disconnect(std::string& out) { out.append("\xe0\0", 2); }

}  // namespace dapr_mqtt::packets
