// The server's side of WebSocket frames, written by hand.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dapr_mqtt::testing {

enum Opcode : unsigned {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10
};

/// First byte and length as given; `payload` may be shorter than `length`.
inline std::string frame_head(unsigned first, std::uint64_t length) {
  std::string out(1, static_cast<char>(first));
  int bytes = 0;
  if (length < 126) {
    out += static_cast<char>(length);
  } else {
    bytes = length < 65536 ? 2 : 8;
    out += static_cast<char>(bytes == 2 ? 126 : 127);
  }
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(length >> (8 * i));
  return out;
}

inline std::string frame(Opcode opcode, std::string_view payload, bool fin = true) {
  return frame_head((fin ? 0x80U : 0U) | opcode, payload.size()) + std::string(payload);
}

struct ClientFrame {
  unsigned opcode = 0;
  bool fin = false;
  bool masked = false;
  std::string mask;
  std::string payload;  ///< unmasked
};

/// The whole frames in the bytes that a client has sent.
inline std::vector<ClientFrame> client_frames(std::string_view bytes) {
  std::vector<ClientFrame> out;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  while (bytes.size() >= 2) {
    ClientFrame frame;
    frame.opcode = byte(0) & 0xFU;
    frame.fin = (byte(0) & 0x80U) != 0;
    frame.masked = (byte(1) & 0x80U) != 0;
    std::uint64_t length = byte(1) & 0x7FU;
    std::size_t head = 2;
    if (length >= 126) {
      const std::size_t more = length == 126 ? 2 : 8;
      length = 0;
      for (std::size_t i = 0; i < more; ++i) length = length << 8U | byte(head + i);
      head += more;
    }
    if (frame.masked) {
      frame.mask = bytes.substr(head, 4);
      head += 4;
    }
    if (bytes.size() < head + length) break;
    frame.payload = bytes.substr(head, length);
    for (std::size_t i = 0; frame.masked && i < frame.payload.size(); ++i)
      frame.payload[i] = static_cast<char>(frame.payload[i] ^ frame.mask[i % 4]);
    bytes.remove_prefix(head + length);
    out.push_back(std::move(frame));
  }
  return out;
}

}  // namespace dapr_mqtt::testing
