#include "config/yaml_source.h"

#include <yaml-cpp/eventhandler.h>

#include <sstream>

#include "config/yaml_plain.h"

namespace dapr_mqtt::config {
namespace {

Place place_of(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {static_cast<std::size_t>(mark.line) + 1, static_cast<std::size_t>(mark.column) + 1};
}

bool is_plain(const YAML::Node& node) { return node.IsScalar() && node.Tag() == "?"; }

/// Parses a text before nodes are made from it, to stop at an endless loop in yaml-cpp.
class Progress final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    // yaml-cpp 0.7 and 0.8 loop for ever at a token that begins no document, such as "]":
    // they begin one document after the other there.
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

std::optional<std::string> sent_text(const YAML::Node& node) {
  if (!node.IsDefined() || !node.IsScalar()) return std::nullopt;
  return is_plain(node) ? yaml_plain_as_json(node.Scalar()) : node.Scalar();
}

}  // namespace dapr_mqtt::config
