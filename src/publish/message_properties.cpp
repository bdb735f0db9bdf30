#include "publish/message_properties.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "dapr_mqtt/base/encoding.h"
#include "dapr_mqtt/base/parse.h"
#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::publish {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kPropertyPrefix = "mqtt-property-";
/// MQTT has two bytes for the length of a text (MQTT 5 section 1.5.4).
constexpr std::size_t kMaxText = 65'535;
/// The client library can send 31 of the 32 bits: 68 years.
constexpr seconds kMaxExpiry{0x7FFF'FFFF};

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

std::string decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const auto high = hex_digit(text[i + 1]);
      const auto low = hex_digit(text[i + 2]);
      const unsigned byte = high && low ? *high * 16 + *low : 0;
      if (byte >= 0x20 && byte != 0x7F) {
        out += static_cast<char>(byte);
        i += 2;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

class PropertiesReader {
 public:
  explicit PropertiesReader(MetadataProblems& problems) : problems_(problems) {}

  void read(const std::string& key, const std::string& value) {
    const std::string name = base::to_lower(key);
    if (name.starts_with(kPropertyPrefix)) {
      add_property(key, value);
    } else if (base::trim(value).empty()) {
      return;
    } else if (name == "ttlinseconds") {
      properties_.expiry = expiry(key, value);
    } else if (name == "ttl") {
      if (const auto ttl = expiry(key, value); !properties_.expiry) properties_.expiry = ttl;
    } else if (name == "mqtt-content-type") {
      if (auto content_type = text(key, value)) properties_.content_type = *std::move(content_type);
    } else if (name == "mqtt-response-topic") {
      std::string topic = decoded(base::trim(value));
      if (core::TopicName::parse(topic).ok() && !base::has_control_character(topic)) {
        properties_.response_topic = std::move(topic);
      } else {
        problems_.add(key, value, "a topic name without wildcards and control characters");
      }
    } else if (name == "mqtt-correlation-data") {
      auto bytes = base::from_base64(base::trim(value));
      if (bytes && bytes->size() <= kMaxText) {
        properties_.correlation_data = *std::move(bytes);
      } else {
        problems_.add(key, value, "base64 of at most 65535 bytes");
      }
    } else {
      return;
    }
    any_ = true;
  }

  std::shared_ptr<const core::MessageProperties> take() {
    if (!any_) return nullptr;
    return std::make_shared<const core::MessageProperties>(std::move(properties_));
  }

 private:
  std::optional<seconds> expiry(const std::string& key, const std::string& value) {
    const auto parsed = base::parse_duration(value);
    if (parsed && *parsed > milliseconds(0)) {
      return std::min(std::chrono::ceil<seconds>(*parsed), kMaxExpiry);
    }
    problems_.add(key, value, "whole seconds, or a duration like 90s or 1h, above 0");
    return std::nullopt;
  }

  std::optional<std::string> text(const std::string& key, const std::string& value) {
    std::string out = decoded(value);
    if (out.size() <= kMaxText && base::is_valid_utf8(out) && !base::has_control_character(out)) {
      return out;
    }
    problems_.add(key, value, "UTF-8 text of at most 65535 bytes without control characters");
    return std::nullopt;
  }

  void add_property(const std::string& key, const std::string& value) {
    auto name = text(key, key.substr(kPropertyPrefix.size()));
    auto content = text(key, value);
    if (name && content) {
      properties_.user_properties.emplace_back(*std::move(name), *std::move(content));
    }
  }

  MetadataProblems& problems_;
  core::MessageProperties properties_;
  bool any_ = false;
};

}  // namespace

bool is_property_key(std::string_view name) {
  return name.starts_with(kPropertyPrefix) || name == "ttlinseconds" || name == "ttl" ||
         name == "mqtt-content-type" || name == "mqtt-response-topic" ||
         name == "mqtt-correlation-data";
}

std::shared_ptr<const core::MessageProperties> parse_message_properties(
    const core::Metadata& metadata, MetadataProblems& problems) {
  // daprd forwards a received message, with its metadata, to a dead-letter topic: a wrong value
  // from the sender must not make that publish fail.
  const bool forwarded = std::any_of(metadata.begin(), metadata.end(), [](const auto& entry) {
    return base::to_lower(entry.first) == kAttemptKey;
  });
  MetadataProblems ignored;
  PropertiesReader reader(forwarded ? ignored : problems);
  for (const auto& [key, value] : metadata) reader.read(key, value);
  return reader.take();
}

}  // namespace dapr_mqtt::publish
