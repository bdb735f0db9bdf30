#include "storage/properties_codec.h"

#include <charconv>
#include <cstdint>
#include <cstring>
#include <limits>

namespace dapr_mqtt::storage {
namespace {

/// A smaller difference does not matter, since expiry is in seconds.
constexpr std::chrono::milliseconds kMatters{1000};

// The format: strings after their lengths, in the order of the struct. The expiry is a string of
// digits, empty for none, followed by "@<arrived_after in ms>" if that matters.
void put(std::string& out, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());  // MQTT: 65,535 at the most
  char raw[sizeof(size)];
  std::memcpy(raw, &size, sizeof(size));
  out.append(raw, sizeof(raw));
  out.append(text);
}

std::optional<std::string> get(std::string_view& in) {
  std::uint32_t size = 0;
  if (in.size() < sizeof(size)) return std::nullopt;
  std::memcpy(&size, in.data(), sizeof(size));
  in.remove_prefix(sizeof(size));
  if (in.size() < size) return std::nullopt;
  std::string text(in.substr(0, size));
  in.remove_prefix(size);
  return text;
}

std::string expiry_text(const core::MessageProperties& properties,
                        std::chrono::milliseconds arrived_after) {
  if (!properties.expiry) return {};
  std::string text = std::to_string(properties.expiry->count());
  if (arrived_after >= kMatters || arrived_after <= -kMatters) {
    text += "@" + std::to_string(arrived_after.count());
  }
  return text;
}

/// `text` as a number; none if it is anything else.
std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string encode_properties(const core::MessageProperties& properties,
                              std::chrono::milliseconds arrived_after) {
  std::string out;
  put(out, properties.content_type);
  put(out, properties.response_topic);
  put(out, properties.correlation_data);
  put(out, expiry_text(properties, arrived_after));
  for (const auto& [name, value] : properties.user_properties) {
    put(out, name);
    put(out, value);
  }
  return out;
}

std::optional<core::MessageProperties> decode_properties(std::string_view bytes,
                                                         std::chrono::milliseconds* arrived_after) {
  core::MessageProperties properties;
  std::string expiry;
  for (std::string* field : {&properties.content_type, &properties.response_topic,
                             &properties.correlation_data, &expiry}) {
    auto text = get(bytes);
    if (!text) return std::nullopt;
    *field = *std::move(text);
  }
  if (!expiry.empty()) {
    const std::size_t at = expiry.find('@');
    const auto seconds = number(std::string_view(expiry).substr(0, at));
    const auto after = at == std::string::npos ? std::optional<std::int64_t>(0)
                                               : number(std::string_view(expiry).substr(at + 1));
    constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();  // MQTT's limit
    if (!seconds || *seconds < 0 || *seconds > kMost || !after) return std::nullopt;
    properties.expiry = std::chrono::seconds(*seconds);
    if (arrived_after != nullptr) *arrived_after = std::chrono::milliseconds(*after);
  }
  while (!bytes.empty()) {
    auto name = get(bytes);
    auto value = name ? get(bytes) : std::nullopt;
    if (!value) return std::nullopt;
    properties.user_properties.emplace_back(*std::move(name), *std::move(value));
  }
  properties.user_properties.shrink_to_fit();  // footprint() counts no spare room
  return properties;
}

}  // namespace dapr_mqtt::storage
