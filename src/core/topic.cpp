#include "dapr_mqtt/core/topic.h"

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::core {
namespace {

constexpr std::size_t kMaxBytes = 65'535;  // MQTT 3.1.1 section 1.5.3: two bytes of length
constexpr std::string_view kSharePrefix = "$share/";

/// The rules for topic names and topic filters; `what` is "topic" or "topic filter".
base::Status check_string(std::string_view text, std::string_view what) {
  const auto wrong = [&](std::string_view why) {
    return base::invalid_argument(std::string(what) + " " + base::quote(text) + std::string(why));
  };
  if (text.empty()) return base::invalid_argument(std::string(what) + " is empty");
  if (text.size() > kMaxBytes) {
    return base::invalid_argument(std::string(what) + " " + base::quote(text, 64) + " has " +
                                  std::to_string(text.size()) + " bytes; MQTT allows 65535");
  }
  if (text.find('\0') != std::string_view::npos) return wrong(" holds a NUL character");
  if (!base::is_valid_utf8(text)) return wrong(" is not UTF-8");
  return {};
}

/// Reads a text's levels one after the other. "a/" has two, the last one empty.
class Levels {
 public:
  explicit Levels(std::string_view text) : rest_(text) {}

  bool more() const { return more_; }
  std::string_view rest() const { return rest_; }  ///< while more()
  std::string_view next() {
    const std::size_t slash = rest_.find('/');
    const std::string_view level = rest_.substr(0, slash);
    more_ = slash != std::string_view::npos;
    rest_.remove_prefix(more_ ? slash + 1 : rest_.size());
    return level;
  }

 private:
  std::string_view rest_;
  bool more_ = true;
};

/// Two calls of find() are faster than find_first_of(), which looks up each byte.
bool holds_wildcard(std::string_view text) {
  return text.find('+') != std::string_view::npos || text.find('#') != std::string_view::npos;
}

bool is_wildcard(std::string_view level) { return level == "+" || level == "#"; }

}  // namespace

base::Result<TopicName> TopicName::parse(std::string_view text) {
  if (base::Status status = check_string(text, "topic"); !status.ok()) return status;
  if (holds_wildcard(text)) {
    return base::invalid_argument("topic " + base::quote(text) +
                                  " holds a wildcard (+ or #), which only subscriptions may");
  }
  return TopicName(std::string(text));
}

base::Result<TopicFilter> TopicFilter::parse(std::string_view text) {
  if (base::Status status = check_string(text, "topic filter"); !status.ok()) return status;
  const auto wrong = [&](std::string_view why) {
    return base::invalid_argument("topic filter " + base::quote(text) + ": " + std::string(why));
  };
  std::size_t offset = 0;
  if (text.starts_with(kSharePrefix)) {
    const std::size_t slash = text.find('/', kSharePrefix.size());
    if (slash == std::string_view::npos || slash == kSharePrefix.size() ||
        slash + 1 == text.size()) {
      return wrong("a shared subscription is $share/<share name>/<filter>");
    }
    const std::string_view share = text.substr(kSharePrefix.size(), slash - kSharePrefix.size());
    if (holds_wildcard(share)) {
      return wrong("a share name holds no + or #");
    }
    offset = slash + 1;
  }
  Levels levels(text.substr(offset));
  while (levels.more()) {
    const std::string_view level = levels.next();
    if (holds_wildcard(level) && !is_wildcard(level)) {
      return wrong("+ and # stand alone between slashes");
    }
    if (level == "#" && levels.more()) return wrong("# may only be the last level");
  }
  return TopicFilter(std::string(text), offset);
}

std::string_view TopicFilter::share_name() const {
  if (!shared()) return {};
  return std::string_view(text_).substr(kSharePrefix.size(),
                                        match_offset_ - kSharePrefix.size() - 1);
}

bool TopicFilter::has_wildcard() const { return holds_wildcard(pattern()); }

bool TopicFilter::matches(std::string_view topic) const {
  if (topic.starts_with('$') && !pattern().starts_with('$')) {
    return false;  // not even by a wildcard (MQTT-4.7.2-1)
  }
  Levels filter_levels(pattern());
  Levels topic_levels(topic);
  while (filter_levels.more()) {
    const std::string_view level = filter_levels.next();
    if (level == "#") return true;  // also the parent level (MQTT-4.7.1-2)
    if (!topic_levels.more()) return false;
    const std::string_view name = topic_levels.next();
    if (level != "+" && level != name) return false;
    if (!topic_levels.more() && filter_levels.more()) {
      return filter_levels.rest() == "#";  // sport/tennis/# matches sport/tennis
    }
  }
  return !topic_levels.more();
}

bool TopicFilter::overlaps(const TopicFilter& other) const {
  Levels a(pattern());
  Levels b(other.pattern());
  // A wildcard in the first level matches no topic that begins with $.
  const auto dollar = [](std::string_view p) { return p.starts_with('$'); };
  if (dollar(a.rest()) != dollar(b.rest())) return false;
  bool first = true;
  bool empty = false;  // the topic so far is the empty text, which is no topic name
  while (a.more() && b.more()) {
    const std::string_view x = a.next();
    const std::string_view y = b.next();
    if (x == "#" || y == "#") return true;
    if (x != "+" && y != "+" && x != y) return false;
    empty = first && (x.empty() || y.empty());
    first = false;
  }
  if (!a.more() && !b.more()) return true;
  return (a.more() ? a.rest() : b.rest()) == "#" && !empty;  // "#" includes the parent level
}

}  // namespace dapr_mqtt::core
