// Reads MQTT's data types (section 1.5) from bytes in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "packets/variable_byte_integer.h"

namespace dapr_mqtt::packets {

/// Each read returns false when too few bytes are left; nothing may be read after that.
/// The views that it returns point into the constructor's argument.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  std::string_view rest() const { return rest_; }
  bool empty() const { return rest_.empty(); }

  [[nodiscard]] bool bytes(std::size_t count, std::string_view& out) {
    if (rest_.size() < count) return false;
    out = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return true;
  }
  [[nodiscard]] bool u8(std::uint8_t& out) {
    std::uint32_t value = 0;
    if (!big_endian(1, value)) return false;
    out = static_cast<std::uint8_t>(value);
    return true;
  }
  [[nodiscard]] bool u16(std::uint16_t& out) {
    std::uint32_t value = 0;
    if (!big_endian(2, value)) return false;
    out = static_cast<std::uint16_t>(value);
    return true;
  }
  [[nodiscard]] bool u32(std::uint32_t& out) { return big_endian(4, out); }
  /// Also false when it is longer than four bytes.
  [[nodiscard]] bool variable_byte_integer(std::uint32_t& out) {
    VariableByteInteger number;
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      switch (number.take(static_cast<std::uint8_t>(rest_[i]))) {
        case VariableByteInteger::State::kMore: break;
        case VariableByteInteger::State::kTooLong: return false;
        case VariableByteInteger::State::kDone:
          out = number.value();
          rest_.remove_prefix(i + 1);
          return true;
      }
    }
    return false;
  }
  /// A UTF-8 string or binary data: two bytes of length, then as many bytes. The content is not
  /// checked.
  [[nodiscard]] bool string(std::string_view& out) {
    std::uint16_t size = 0;
    return u16(size) && bytes(size, out);
  }

 private:
  bool big_endian(std::size_t count, std::uint32_t& out) {
    if (rest_.size() < count) return false;
    out = 0;
    for (std::size_t i = 0; i < count; ++i) {
      out = (out << 8U) | static_cast<std::uint8_t>(rest_[i]);
    }
    rest_.remove_prefix(count);
    return true;
  }

  std::string_view rest_;
};

}  // namespace dapr_mqtt::packets
