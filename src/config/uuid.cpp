#include "config/uuid.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdint>
#include <string_view>

namespace dapr_mqtt::config {

std::optional<std::string> random_uuid() {
  std::array<std::uint8_t, 16> bytes{};
  ssize_t got = 0;
  do {
    got = ::getrandom(bytes.data(), bytes.size(), 0);
  } while (got < 0 && errno == EINTR);
  // 256 bytes and fewer come whole once the kernel's pool is ready.
  if (got != static_cast<ssize_t>(bytes.size())) return std::nullopt;

  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0FU) | 0x40U);  // version 4
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3FU) | 0x80U);  // variant of the RFC

  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += kDigits[bytes[i] >> 4U];
    out += kDigits[bytes[i] & 0x0FU];
  }
  return out;
}

bool contains_uuid(std::string_view text) {
  constexpr std::string_view kForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  const auto fits = [](char form, char c) {
    return form == '-' ? c == '-' : std::isxdigit(static_cast<unsigned char>(c)) != 0;
  };
  for (; text.size() >= kForm.size(); text.remove_prefix(1)) {
    if (std::equal(kForm.begin(), kForm.end(), text.begin(), fits)) return true;
  }
  return false;
}

}  // namespace dapr_mqtt::config
