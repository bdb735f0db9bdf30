#include "config/yaml_source.h"

#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>
#include <system_error>

#include "dapr_mqtt/base/parse.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::config {
namespace {

Place place_of(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {static_cast<std::size_t>(mark.line) + 1, static_cast<std::size_t>(mark.column) + 1};
}

bool is_plain(const YAML::Node& node) { return node.IsScalar() && node.Tag() == "?"; }

/// Sees what a text holds before nodes are made of it.
class Progress final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    // yaml-cpp 0.7 and 0.8 begin one document after the other for ever at a token
    // that begins none, such as "]".
    if (mark.pos == last_) throw YAML::ParserException(mark, "no document can begin here");
    last_ = mark.pos;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  int last_ = -1;
};

void check_progress(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  Progress progress;
  while (parser.HandleNextDocument(progress)) {
  }
}

}  // namespace

Place place_of(const YAML::Node& node) { return place_of(node.Mark()); }

YamlDocuments read_yaml(const std::string& text) {
  YamlDocuments out;
  try {
    check_progress(text);
    for (YAML::Node& document : YAML::LoadAll(text)) {
      if (document.IsDefined() && !document.IsNull()) out.documents.push_back(std::move(document));
    }
  } catch (const YAML::Exception& error) {
    out.error = error.msg;
    out.error_place = place_of(error.mark);
  } catch (const std::exception& error) {
    out.error = error.what();
  }
  return out;
}

std::vector<YamlEntry> entries_of(const YAML::Node& node) {
  std::vector<YamlEntry> out;
  if (!node.IsMap()) return out;
  for (const auto& entry : node) {
    out.push_back({entry.first.IsScalar() ? entry.first.Scalar() : std::string(),
                   place_of(entry.first), entry.second});
  }
  return out;
}

std::optional<std::string> text_of(const YAML::Node& node) {
  if (!node.IsDefined() || !node.IsScalar()) return std::nullopt;
  return node.Scalar();
}

bool changes_when_read(const YAML::Node& node) {
  if (!is_plain(node)) return false;
  const std::string text = node.Scalar();
  const std::string lower = base::to_lower(text);
  static constexpr std::array<std::string_view, 8> kOldBooleans = {"y",  "yes", "n",   "no",
                                                                   "on", "off", "nan", ".nan"};
  if (std::find(kOldBooleans.begin(), kOldBooleans.end(), lower) != kOldBooleans.end()) return true;
  for (const std::string_view prefix : {"0x", "0o", "0b"}) {
    if (lower.starts_with(prefix) && lower.size() > prefix.size()) return true;
  }
  std::string digits = text;
  std::erase(digits, '_');
  double number = 0;
  const char* const begin = digits.data() + (digits.starts_with('+') ? 1 : 0);
  const char* const end = digits.data() + digits.size();
  const auto [stop, problem] = std::from_chars(begin, end, number);
  if (begin == end || stop != end || problem != std::errc()) return false;
  if (const auto whole = base::parse_integer(text)) return std::to_string(*whole) != text;
  std::array<char, 32> printed{};
  const auto shortest = std::to_chars(printed.data(), printed.data() + printed.size(), number);
  return text != std::string_view(printed.data(), static_cast<std::size_t>(shortest.ptr - printed.data()));
}

}  // namespace dapr_mqtt::config
