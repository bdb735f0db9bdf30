// MQTT's Variable Byte Integer (section 2.2.3 of MQTT 3.1.1, 1.5.5 of MQTT 5).
#pragma once

#include <cstdint>
#include <string>

namespace dapr_mqtt::packets {

/// Decodes one, byte by byte. Encodings that are longer than needed are accepted: MQTT 3.1.1 does
/// not forbid them, and they are not ambiguous.
class VariableByteInteger {
 public:
  enum class State { kMore, kDone, kTooLong };

  State take(std::uint8_t byte) {
    value_ |= (byte & 0x7FU) << (7U * taken_);
    if ((byte & 0x80U) == 0) return State::kDone;
    return ++taken_ == kMaxBytes ? State::kTooLong : State::kMore;
  }
  std::uint32_t value() const { return value_; }

 private:
  static constexpr unsigned kMaxBytes = 4;
  std::uint32_t value_ = 0;
  unsigned taken_ = 0;
};

/// Appends `value` in as few bytes as it needs.
inline void append_variable_byte_integer(std::uint32_t value, std::string& out) {
  for (; value >= 0x80U; value >>= 7U) out += static_cast<char>((value & 0x7FU) | 0x80U);
  out += static_cast<char>(value);
}

}  // namespace dapr_mqtt::packets
