#include "dapr_mqtt/core/topic_pattern.h"

#include <algorithm>
#include <array>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::core {
namespace {

constexpr std::size_t kMaxName = 20;  // CloudEvents 1.0 section 3.1: names should not be longer

// CloudEvents' own attributes, and those that daprd reads or writes.
constexpr std::array<std::string_view, 15> kTaken = {
    "id",          "source",     "specversion",     "type",  "subject",    "time",
    "data",        "dataschema", "datacontenttype", "topic", "pubsubname", "traceid",
    "traceparent", "tracestate", "expiration"};
// Beginnings of attributes that events::EventMaker makes from MQTT properties.
constexpr std::array<std::string_view, 2> kTakenBeginnings = {"mqtt", "prop"};

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

base::Status check_name(std::string_view name) {
  const auto wrong = [&](std::string_view why) {
    return base::invalid_argument("the field " + base::quote(name, 64) + std::string(why));
  };
  if (name.empty() || name.size() > kMaxName ||
      !std::all_of(name.begin(), name.end(), is_letter_or_digit)) {
    return wrong(" is not 1 to 20 letters a-z and digits");
  }
  const bool taken = std::find(kTaken.begin(), kTaken.end(), name) != kTaken.end() ||
                     std::any_of(kTakenBeginnings.begin(), kTakenBeginnings.end(),
                                 [&](std::string_view start) { return name.starts_with(start); });
  return taken ? wrong(" has a meaning of its own in events") : base::Status();
}

/// Removes the first level from `rest` and returns it. `more`: another level follows.
std::string_view next_level(std::string_view& rest, bool& more) {
  const std::size_t slash = rest.find('/');
  const std::string_view level = rest.substr(0, slash);
  more = slash != std::string_view::npos;
  rest.remove_prefix(more ? slash + 1 : rest.size());
  return level;
}

}  // namespace

base::Result<TopicPattern::Level> TopicPattern::parse_level(std::string_view level) {
  if (level == "+") return Level{Kind::kAny, {}};
  if (level == "#") return Level{Kind::kRest, {}};
  if (level.starts_with('{') && level.ends_with('}') && level.size() > 1) {
    const std::string_view name = level.substr(1, level.size() - 2);
    if (base::Status status = check_name(name); !status.ok()) return status;
    return Level{Kind::kField, std::string(name)};
  }
  if (level.find_first_of("+#{}") != std::string_view::npos) {
    return base::invalid_argument("the level " + base::quote(level, 64) +
                                  " is neither a {name} nor a text without +, #, { and }");
  }
  return Level{Kind::kText, std::string(level)};
}

base::Result<TopicPattern> TopicPattern::parse(std::string_view text) {
  std::vector<Level> levels;
  bool more = true;
  bool has_field = false;
  while (more) {
    auto level = parse_level(next_level(text, more));
    if (!level.ok()) return level.status();
    const Level& now = level.value();
    if (now.kind == Kind::kRest && more) {
      return base::invalid_argument("# is not at the end");
    }
    if (now.kind == Kind::kField) {
      has_field = true;
      if (std::any_of(levels.begin(), levels.end(), [&](const Level& earlier) {
            return earlier.kind == Kind::kField && earlier.text == now.text;
          })) {
        return base::invalid_argument("the field " + base::quote(now.text) + " comes twice");
      }
    }
    levels.push_back(std::move(level).value());
  }
  if (!has_field) return base::invalid_argument("there is no {name} in it");
  return TopicPattern(std::move(levels));
}

TopicPattern::Fields TopicPattern::match(std::string_view topic) const {
  Fields fields;
  bool more = true;
  for (const Level& level : levels_) {
    // As in topic filters, "a/#" matches "a" too (MQTT 5 section 4.7.1.2).
    if (level.kind == Kind::kRest) return fields;
    if (!more) return {};
    const std::string_view value = next_level(topic, more);
    if (level.kind == Kind::kText && value != level.text) return {};
    if (level.kind == Kind::kField) fields.emplace_back(level.text, value);
  }
  return more ? Fields{} : fields;
}

}  // namespace dapr_mqtt::core
