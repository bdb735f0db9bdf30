#include "events/event_reader.h"

#include <algorithm>

namespace dapr_mqtt::events {
namespace {

bool is_text(const JsonMember& member) {
  constexpr std::size_t kQuotes = 2;
  return member.kind == JsonKind::kString && member.value.size() > kQuotes;
}

class Reader {
 public:
  explicit Reader(const std::function<void(const JsonMember&)>& other) : other_(other) {}

  void see(const JsonMember& member) {
    if (member.key.find('\\') == std::string_view::npos) return take_member(member);
    const std::string key = unescaped(member.key);  // may contain a backslash now, too
    take_member({key, member.value, member.kind});
  }

  EventHead take() {
    head_.trace_is_text = parent_is_text_ && id_is_text_;
    return std::move(head_);
  }

 private:
  /// The key must be without escapes.
  void take_member(const JsonMember& member) {
    if (member.key == "data") {
      head_.data = JsonMember{"data", member.value, member.kind};
    } else if (member.key == "data_base64") {
      head_.data_base64 = JsonMember{"data_base64", member.value, member.kind};
    } else if (member.key == "datacontenttype") {
      head_.data_content_type = is_text(member) ? string_value(member.value) : std::string();
    } else {
      note(member);
      if (other_) other_(member);
    }
  }
  void note(const JsonMember& member) {
    const auto& key = member.key;
    if (key == "specversion") head_.specversion = is_text(member);
    if (key == "id") head_.id = is_text(member);
    if (key == "source") head_.source = is_text(member);
    if (key == "type") head_.type = is_text(member);
    const bool harmless = member.kind == JsonKind::kString || member.kind == JsonKind::kNull;
    if (key == "traceparent") parent_is_text_ = harmless;
    if (key == "traceid") id_is_text_ = harmless;
  }

  const std::function<void(const JsonMember&)>& other_;
  EventHead head_;
  bool parent_is_text_ = true;
  bool id_is_text_ = true;
};

}  // namespace

std::optional<EventHead> read_event(std::string_view text,
                                    const std::function<void(const JsonMember&)>& other) {
  Reader reader(other);
  if (!for_each_member(text, [&](const JsonMember& member) { reader.see(member); })) {
    return std::nullopt;
  }
  return reader.take();
}

bool is_attribute_name(std::string_view name) {
  return !name.empty() && name != "data" && name != "datacontenttype" &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

}  // namespace dapr_mqtt::events
