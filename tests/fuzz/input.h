// A fuzzer's input, for targets that read several values from it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dapr_mqtt/core/metadata.h"

namespace dapr_mqtt::fuzz {

/// Past its end everything is 0 or empty.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size)
      : rest_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return rest_.empty(); }
  unsigned byte() {
    if (rest_.empty()) return 0;
    const auto out = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    return out;
  }
  /// In network order.
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t out = 0;
    for (; bytes > 0; --bytes) out = out << 8U | byte();
    return out;
  }
  /// The text up to the next `end` (not included) or to the end of the input.
  std::string_view text(char end) {
    const std::size_t at = rest_.find(end);
    const std::string_view out = rest_.substr(0, at);
    rest_.remove_prefix(at == rest_.npos ? rest_.size() : at + 1);
    return out;
  }
  std::string_view bytes(std::size_t count) {
    const std::string_view out = rest_.substr(0, count);
    rest_.remove_prefix(out.size());
    return out;
  }
  std::string_view rest() const { return rest_; }
  /// Keys and values, each with a NUL behind it.
  core::Metadata metadata() {
    core::Metadata out;
    while (!empty()) {
      std::string key(text('\0'));
      out[std::move(key)] = std::string(text('\0'));
    }
    return out;
  }

 private:
  std::string_view rest_;
};

/// The seed of such metadata, with `first` in front.
inline std::string metadata_seed(char first, const core::Metadata& metadata) {
  std::string out(1, first);
  for (const auto& [key, value] : metadata) out += key + '\0' + value + '\0';
  return out;
}

}  // namespace dapr_mqtt::fuzz
