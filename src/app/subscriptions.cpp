#include <string>

#include "app/documents.h"
#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/core/topic.h"
#include "dapr_mqtt/subscribe/lane.h"

namespace dapr_mqtt::app {
namespace {

/// A legal name for a Kubernetes resource (RFC 1123): lower-case letters and digits, with dashes
/// between them. Wildcards become words, so that a filter and a topic do not get the same name: one
/// resource would replace the other.
std::string resource_name(std::string_view topic) {
  constexpr std::size_t kLongest = 50;  // of 63, less "-lane-1000"
  std::string name;
  for (const char c : topic) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    const bool capital = c >= 'A' && c <= 'Z';
    if (letter || capital) {
      name += capital ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (c == '+' || c == '#') {
      name += c == '+' ? "any" : "all";
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  name = name.substr(0, kLongest);
  while (!name.empty() && name.back() == '-') name.pop_back();
  return name.empty() ? "topic" : name;
}

/// In double quotes, as YAML has them.
std::string yaml_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

base::Result<std::string> subscriptions_document(const SubscriptionsDocument& wanted) {
  const auto filter = core::TopicFilter::parse(wanted.topic);
  if (!filter.ok()) return filter.status();
  for (const std::string* text : {&wanted.topic, &wanted.pubsub, &wanted.route}) {
    if (base::has_control_character(*text)) {
      return base::invalid_argument("a control character in " + yaml_quoted(*text));
    }
  }
  std::string out;
  for (std::size_t lane = 1; lane <= wanted.lanes; ++lane) {
    const std::string number = std::to_string(lane);
    out +=
        "---\n"
        "apiVersion: dapr.io/v2alpha1\n"
        "kind: Subscription\n"
        "metadata:\n"
        "  name: " +
        resource_name(wanted.topic) + "-lane-" + number +
        "\n"
        "spec:\n"
        "  pubsubname: " +
        yaml_quoted(wanted.pubsub) +
        "\n"
        "  topic: " +
        yaml_quoted(std::string(subscribe::kLane) + number + "/" + wanted.topic) +
        "\n"
        "  routes:\n"
        "    default: " +
        yaml_quoted(wanted.route) + "\n";
  }
  return out;
}

}  // namespace dapr_mqtt::app
