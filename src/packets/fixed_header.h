// Parses a packet's first byte and remaining length from pieces of any size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "packets/packet_type.h"
#include "packets/variable_byte_integer.h"

namespace dapr_mqtt::packets {

class FixedHeader {
 public:
  using State = VariableByteInteger::State;

  /// Removes the bytes of the header from the front of `bytes`.
  State take(std::string_view& bytes) {
    while (!bytes.empty()) {
      const auto byte = static_cast<std::uint8_t>(bytes.front());
      bytes.remove_prefix(1);
      if (!begun_) {
        begun_ = true;
        first_ = byte;
        continue;
      }
      const State state = remaining_.take(byte);
      if (state != State::kMore) return state;
    }
    return State::kMore;
  }

  std::uint8_t first() const { return first_; }
  PacketType type() const { return static_cast<PacketType>(first_ >> 4U); }
  /// How many bytes follow the header. Valid after kDone.
  std::size_t remaining() const { return remaining_.value(); }

 private:
  bool begun_ = false;
  std::uint8_t first_ = 0;
  VariableByteInteger remaining_;
};

}  // namespace dapr_mqtt::packets
