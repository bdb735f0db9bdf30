#include "dapr/header_text.h"

#include <cstdint>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::dapr {
namespace {

bool in_header_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

bool printable(char c) { return c > 0x20 && c < 0x7F && c != '%'; }

void append_percent(std::string& out, char c) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const auto byte = static_cast<std::uint8_t>(c);
  out += '%';
  out += kDigits[byte >> 4U];
  out += kDigits[byte & 0x0FU];
}

}  // namespace

std::string header_name(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (!in_header_name(c)) c = '_';
  }
  if (base::to_lower(out).ends_with("-bin")) out += '_';
  return out;
}

std::optional<std::string> header_value(std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes) return std::nullopt;
  const auto plain = [&](std::size_t at) {
    return printable(text[at]) || (text[at] == ' ' && at != 0 && at + 1 != text.size());
  };
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t begin = i;
    while (i < text.size() && plain(i)) ++i;
    out.append(text, begin, i - begin);  // usually the whole text
    if (i < text.size()) append_percent(out, text[i++]);
    if (out.size() > max_bytes) return std::nullopt;
  }
  return out;
}

}  // namespace dapr_mqtt::dapr
