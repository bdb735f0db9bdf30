#include "dapr_mqtt/core/trace_context.h"

#include <algorithm>
#include <cstddef>

namespace dapr_mqtt::core {
namespace {

constexpr std::size_t kMaxState = 512;
constexpr int kMaxEntries = 32;
constexpr std::size_t kMaxPart = 256;  // of a key or a value

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }

bool all_hex(std::string_view text) { return std::all_of(text.begin(), text.end(), is_hex); }
bool all_zeros(std::string_view text) {
  return text.find_first_not_of('0') == std::string_view::npos;
}

bool is_key(std::string_view key) {
  return !key.empty() && key.size() <= kMaxPart &&
         (is_lower(key.front()) || is_digit(key.front())) &&
         std::all_of(key.begin(), key.end(), [](char c) {
           return is_lower(c) || is_digit(c) ||
                  std::string_view("_-*/@").find(c) != std::string_view::npos;
         });
}

bool is_value(std::string_view value) {
  return !value.empty() && value.size() <= kMaxPart && value.back() != ' ' &&
         std::all_of(value.begin(), value.end(),
                     [](char c) { return c >= 0x20 && c <= 0x7E && c != ',' && c != '='; });
}

/// Trims only spaces: gRPC allows no tab in a header, and a line break would begin another header.
std::string_view without_spaces(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

/// The value of the only property of this name; empty when there is none or several.
std::string_view only(const MessageProperties& properties, std::string_view name) {
  std::string_view found;
  int times = 0;
  for (const auto& [key, value] : properties.user_properties) {
    if (key != name) continue;
    found = value;
    ++times;
  }
  return times == 1 ? found : std::string_view{};
}

}  // namespace

bool is_traceparent(std::string_view text) {
  constexpr std::size_t kLength = 55;  // 00-<32 digits>-<16 digits>-<2 digits>
  if (text.size() != kLength || !text.starts_with("00-") || text[35] != '-' || text[52] != '-') {
    return false;
  }
  const std::string_view trace = text.substr(3, 32);
  const std::string_view parent = text.substr(36, 16);
  return all_hex(trace) && all_hex(parent) && all_hex(text.substr(53)) && !all_zeros(trace) &&
         !all_zeros(parent);
}

bool is_tracestate(std::string_view text) {
  if (text.empty() || text.size() > kMaxState || without_spaces(text) != text) return false;
  int entries = 0;
  bool more = true;
  while (more) {
    const std::size_t comma = text.find(',');
    const std::string_view entry = without_spaces(text.substr(0, comma));
    more = comma != std::string_view::npos;
    text.remove_prefix(more ? comma + 1 : text.size());
    if (entry.empty()) continue;  // section 3.3.1.1 allows it
    const std::size_t equals = entry.find('=');
    if (++entries > kMaxEntries || equals == std::string_view::npos ||
        !is_key(entry.substr(0, equals)) || !is_value(entry.substr(equals + 1))) {
      return false;
    }
  }
  return entries > 0;
}

TraceContext trace_context(const MessageProperties& properties) {
  TraceContext context;
  if (properties.user_properties.empty()) return context;
  if (const auto parent = only(properties, kTraceparent); is_traceparent(parent)) {
    context.parent = parent;
    if (const auto state = only(properties, kTracestate); is_tracestate(state)) {
      context.state = state;
    }
  }
  return context;
}

}  // namespace dapr_mqtt::core
