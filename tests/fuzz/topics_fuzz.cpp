// Topic names, topic filters, topic patterns, lanes and order keys, as apps and brokers write them:
// what is accepted follows MQTT's rules, and matching agrees with a second implementation of
// section 4.7. The input is a filter, a topic and another filter, one a line.
#include <string>
#include <string_view>
#include <vector>

#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/core/delivery_order.h"
#include "dapr_mqtt/core/topic.h"
#include "dapr_mqtt/core/topic_pattern.h"
#include "dapr_mqtt/subscribe/lane.h"
#include "fuzz/input.h"
#include "fuzz/require.h"
#include "fuzz/seeds.h"

namespace {

using namespace dapr_mqtt;
using core::TopicFilter;
using core::TopicName;
using fuzz::require;

std::vector<std::string_view> levels_of(std::string_view text) {
  std::vector<std::string_view> out;
  for (;;) {
    const std::size_t slash = text.find('/');
    out.push_back(text.substr(0, slash));
    if (slash == text.npos) return out;
    text.remove_prefix(slash + 1);
  }
}

/// MQTT 3.1.1 section 4.7, word for word.
bool matches_by_the_book(std::string_view pattern, std::string_view topic) {
  const auto wanted = levels_of(pattern);
  const auto found = levels_of(topic);
  if (topic.starts_with('$') && (wanted[0] == "+" || wanted[0] == "#")) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == "#") return found.size() >= i;  // the parent level too
    if (i >= found.size() || (wanted[i] != "+" && wanted[i] != found[i])) return false;
  }
  return wanted.size() == found.size();
}

void check_filter(std::string_view text, const TopicFilter& filter) {
  require(filter.str() == text, "a filter is sent as it was written");
  require(base::is_valid_utf8(text) && !text.empty() && text.size() <= 65'535, "MQTT-4.7.3");
  if (filter.shared()) {
    require(!filter.share_name().empty() &&
                filter.share_name().find_first_of("/+#") == std::string_view::npos,
            "MQTT-4.8.2-1, -2");
    require(
        text == "$share/" + std::string(filter.share_name()) + "/" + std::string(filter.pattern()),
        "a shared filter is its parts");
  }
  const auto levels = levels_of(filter.pattern());
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const bool wildcard = levels[i].find_first_of("+#") != std::string_view::npos;
    require(!wildcard || levels[i].size() == 1, "MQTT-4.7.1-2, -3");
    require(levels[i] != "#" || i + 1 == levels.size(), "MQTT-4.7.1-2");
  }
}

void check_pattern(std::string_view text, const std::string& topic) {
  const auto pattern = core::TopicPattern::parse(text);
  if (!pattern.ok()) return;
  for (const auto& [name, value] : pattern.value().match(topic)) {
    require(!name.empty() && name.size() <= 20, "the name of an attribute");
    require(
        value.data() >= topic.data() && value.data() + value.size() <= topic.data() + topic.size(),
        "a field is a part of the topic");
  }
}

}  // namespace

std::vector<std::string> dapr_mqtt::fuzz::seeds() {
  return {"a/+/c/#\na/b/c/d\na/b/+/#",
          "$share/group/a/#\na\n+/b",
          "#\n$SYS/x\n+/x",
          "/\n/\n//",
          "$lane/12/a/b\na/b\n$lane/0/a",
          "devices/{device}/+/{measure}/#\ndevices/7/x/t/y\nsegment:2",
          "\xC3\xA4/\xF0\x9F\x98\x80\na\nproperty:x"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::string_view first = input.text('\n');
  const std::string topic(input.text('\n'));
  const std::string_view second = input.text('\n');

  const auto name = TopicName::parse(topic);
  if (name.ok()) {
    require(topic.find_first_of(std::string_view("+#\0", 3)) == topic.npos && !topic.empty(),
            "a topic name has no wildcards (MQTT-3.3.2-2)");
  }
  const auto one = TopicFilter::parse(first);
  const auto other = TopicFilter::parse(second);
  if (one.ok()) check_filter(first, one.value());
  if (one.ok() && name.ok()) {
    const bool matches = one.value().matches(topic);
    require(matches == matches_by_the_book(one.value().pattern(), topic), "two readings agree");
    if (other.ok() && matches && other.value().matches(topic)) {
      require(one.value().overlaps(other.value()) && other.value().overlaps(one.value()),
              "filters that match one topic overlap");
    }
  }
  if (const auto rest = subscribe::without_lane(first); rest.ok()) {
    require(first.ends_with(rest.value()), "what is behind a lane is a filter's text");
  }
  check_pattern(first, topic);
  if (const auto key = core::OrderKey::parse(second)) {
    core::IncomingMessage message;
    message.topic = topic;
    require(key->of(message) == key->of(message), "a message has one key");
  }
  return 0;
}
