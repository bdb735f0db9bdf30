#include "observability/log_format.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "dapr_mqtt/base/encoding.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::observability {
namespace {

struct Character {
  std::size_t length = 1;
  bool valid = false;  // false: a byte that does not begin a UTF-8 character
  std::uint32_t code_point = 0;
};

/// The first character of `text`, which is not empty.
Character first_character(std::string_view text) {
  constexpr std::size_t kLongest = 4;  // RFC 3629
  for (std::size_t length = 1; length <= std::min(kLongest, text.size()); ++length) {
    if (!base::is_valid_utf8(text.substr(0, length))) continue;
    const auto lead = static_cast<std::uint8_t>(text[0]);
    if (length == 1) return {1, true, lead};
    std::uint32_t code_point = lead & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
      code_point = code_point << 6U | (static_cast<std::uint8_t>(text[i]) & 0x3FU);
    }
    return {length, true, code_point};
  }
  return {1, false, static_cast<std::uint8_t>(text[0])};
}

/// Characters that end a line, control a terminal, or change the writing direction.
bool is_unprintable(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 ||  // separators
         c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) ||         // direction
         (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

void append_hex(std::string& out, std::string_view prefix, std::uint32_t value, int digits) {
  out += prefix;
  base::append_hex(out, value, digits);
}

/// `text` in double quotes as JSON (RFC 8259 section 7) or as Go's %q, which
/// differ in the short escapes and in how they show bytes that are not UTF-8.
std::string quoted(std::string_view text, bool json) {
  std::string out = "\"";
  out.reserve(text.size() + 2);
  while (!text.empty()) {
    const Character c = first_character(text);
    if (!c.valid) {
      if (json) {
        out += "\\ufffd";
      } else {
        append_hex(out, "\\x", c.code_point, 2);
      }
    } else if (c.code_point == '"' || c.code_point == '\\') {
      out += '\\';
      out += static_cast<char>(c.code_point);
    } else if (c.code_point == '\n') {
      out += "\\n";
    } else if (c.code_point == '\r') {
      out += "\\r";
    } else if (c.code_point == '\t') {
      out += "\\t";
    } else if (!is_unprintable(c.code_point)) {
      out += text.substr(0, c.length);
    } else if (!json && c.code_point < 0x80) {
      append_hex(out, "\\x", c.code_point, 2);
    } else {
      append_hex(out, "\\u", c.code_point, 4);  // all of them are below U+10000
    }
    text.remove_prefix(c.length);
  }
  out += '"';
  return out;
}

bool is_plain_word(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._/@^+").find(c) != std::string_view::npos;
  });
}

void append_text_field(std::string& out, std::string_view key, std::string_view value) {
  if (!out.empty()) out += ' ';
  out += key;
  out += '=';
  out += is_plain_word(value) ? std::string(value) : quoted(value, false);
}

void append_json_field(std::string& out, std::string_view key, std::string_view value) {
  out += out.empty() ? "{\"" : ",\"";
  out += key;
  out += "\":";
  out += quoted(value, true);
}

constexpr std::string_view kTypeLog = "log";  // daprd's other type is "request"

}  // namespace

std::string format_text(const LogIdentity& identity, const LogRecord& record) {
  std::string out;
  append_text_field(out, "time", format_time(record.time));
  append_text_field(out, "level", record.level);
  append_text_field(out, "msg", record.message);
  append_text_field(out, "app_id", identity.app_id);
  if (!record.component.empty()) append_text_field(out, "component", record.component);
  append_text_field(out, "instance", identity.host);
  append_text_field(out, "scope", identity.scope);
  append_text_field(out, "type", kTypeLog);
  append_text_field(out, "ver", identity.version);
  out += '\n';
  return out;
}

std::string format_json(const LogIdentity& identity, const LogRecord& record) {
  std::string out;
  append_json_field(out, "app_id", identity.app_id);
  if (!record.component.empty()) append_json_field(out, "component", record.component);
  append_json_field(out, "instance", identity.host);
  append_json_field(out, "level", record.level);
  append_json_field(out, "msg", record.message);
  append_json_field(out, "scope", identity.scope);
  append_json_field(out, "time", format_time(record.time));
  append_json_field(out, "type", kTypeLog);
  append_json_field(out, "ver", identity.version);
  out += "}\n";
  return out;
}

std::string format_time(std::chrono::system_clock::time_point time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  const auto nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(time - whole).count();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(whole);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  char buffer[64];
  std::strftime(buffer, sizeof buffer, "%Y-%m-%dT%H:%M:%S", &local);
  std::string out = buffer;
  if (nanos != 0) {
    std::snprintf(buffer, sizeof buffer, ".%09lld", static_cast<long long>(nanos));
    out += buffer;
    out.erase(out.find_last_not_of('0') + 1);
  }
  const long minutes = local.tm_gmtoff / 60;
  if (minutes == 0) return out + 'Z';
  std::snprintf(buffer, sizeof buffer, "%c%02ld:%02ld", minutes < 0 ? '-' : '+',
                std::labs(minutes) / 60, std::labs(minutes) % 60);
  return out + buffer;
}

}  // namespace dapr_mqtt::observability
