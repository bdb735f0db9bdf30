#include "dapr_mqtt/publish/misspelt_keys.h"

#include <array>
#include <span>
#include <string_view>

#include "dapr_mqtt/base/nearest.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::publish {
namespace {

// The keys that need MQTT 5 are the last ones.
constexpr std::array<std::string_view, 9> kKnown = {
    "qos", "retain",       "rawPayload",        "publishPayload",     "cloudEvents",
    "ttl", "ttlInSeconds", "mqtt-content-type", "mqtt-response-topic"};
constexpr std::size_t kMqtt311Keys = 5;
/// Keys with this prefix are daprd's: the attributes of the CloudEvent that it makes.
constexpr std::string_view kCloudEventPrefix = "cloudevent.";
/// Longer keys cannot be misspelt known ones.
constexpr std::size_t kMaxKeyBytes = 64;

}  // namespace

std::vector<std::string> MisspeltKeys::report(const std::vector<std::string>& unknown_keys) {
  std::vector<std::string> lines;
  const std::span<const std::string_view> known(
      kKnown.data(), protocol_ == core::ProtocolVersion::kMqtt5 ? kKnown.size() : kMqtt311Keys);
  for (const std::string& key : unknown_keys) {
    if (key.size() > kMaxKeyBytes || base::to_lower(key).starts_with(kCloudEventPrefix)) continue;
    {
      base::MutexLock lock(mutex_);
      if (seen_.contains(key) || seen_.size() >= kMaxKeys) continue;
      seen_.insert(key);
    }
    const std::string_view near = base::nearest_name(key, known);
    if (near.empty()) continue;  // the app's own
    lines.push_back("publish metadata " + base::quote(key, kMaxKeyBytes) +
                    ": not a known key, so it has no effect; did you mean " + std::string(near) +
                    "?");
  }
  return lines;
}

}  // namespace dapr_mqtt::publish
