#include "config/uuid.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include "dapr_mqtt/base/encoding.h"

namespace dapr_mqtt::config {

std::optional<std::string> random_uuid() {
  std::array<std::uint8_t, 16> bytes{};
  ssize_t got = 0;
  do {
    got = ::getrandom(bytes.data(), bytes.size(), 0);
  } while (got < 0 && errno == EINTR);
  // getrandom(2) returns up to 256 bytes completely once the kernel's pool is ready.
  if (got != static_cast<ssize_t>(bytes.size())) return std::nullopt;

  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0FU) | 0x40U);  // version 4
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3FU) | 0x80U);  // variant of the RFC

  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    base::append_hex(out, bytes[i], 2);
  }
  return out;
}

}  // namespace dapr_mqtt::config
