#include "storage/properties_codec.h"

#include <cstdint>
#include <cstring>

namespace dapr_mqtt::storage {
namespace {

// Texts with their length in front, in the order of the struct; the expiry as a
// text of its digits, empty for none.
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

}  // namespace

std::string encode_properties(const core::MessageProperties& properties) {
  std::string out;
  put(out, properties.content_type);
  put(out, properties.response_topic);
  put(out, properties.correlation_data);
  put(out, properties.expiry ? std::to_string(properties.expiry->count()) : std::string());
  for (const auto& [name, value] : properties.user_properties) {
    put(out, name);
    put(out, value);
  }
  return out;
}

std::optional<core::MessageProperties> decode_properties(std::string_view bytes) {
  core::MessageProperties properties;
  std::string expiry;
  for (std::string* field : {&properties.content_type, &properties.response_topic,
                             &properties.correlation_data, &expiry}) {
    auto text = get(bytes);
    if (!text) return std::nullopt;
    *field = *std::move(text);
  }
  if (!expiry.empty()) {
    constexpr std::size_t kMaxDigits = 10;  // of the protocol's four bytes
    if (expiry.size() > kMaxDigits || expiry.find_first_not_of("0123456789") != std::string::npos) {
      return std::nullopt;
    }
    properties.expiry = std::chrono::seconds(std::stoll(expiry));
  }
  while (!bytes.empty()) {
    auto name = get(bytes);
    auto value = name ? get(bytes) : std::nullopt;
    if (!value) return std::nullopt;
    properties.user_properties.emplace_back(*std::move(name), *std::move(value));
  }
  return properties;
}

}  // namespace dapr_mqtt::storage
