#include "dapr_mqtt/config/component_file.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "config/component_advice.h"
#include "config/component_document.h"
#include "config/subscription_advice.h"
#include "dapr_mqtt/base/nearest.h"
#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/config/keys.h"

namespace dapr_mqtt::config {
namespace {

/// A resource and its file.
struct Resource {
  std::size_t file = 0;
  YAML::Node node;
};

class Check {
 public:
  Check(std::span<const SourceFile> files, const std::string& socket_name)
      : files_(files), our_type_("pubsub." + socket_name) {}

  FilesReport run() && {
    for (std::size_t i = 0; i < files_.size(); ++i) read(i);
    for (const Resource& resource : resources_) {
      if (auto workload = read_workload(resource.node)) workloads_.push_back(std::move(*workload));
    }
    for (const Resource& resource : resources_) {
      if (kind_of(resource.node) == "Component") check(resource);
      advise_on_subscription(resource.node, [&](Severity severity, Place place, std::string text) {
        add(resource.file, severity, place, std::move(text));
      });
    }
    std::stable_sort(found_.begin(), found_.end(), [](const Located& a, const Located& b) {
      return std::tie(a.file, a.finding.line, a.finding.column) <
             std::tie(b.file, b.finding.line, b.finding.column);
    });
    for (Located& located : found_) report_.findings.push_back(std::move(located.finding));
    return std::move(report_);
  }

 private:
  struct Located {
    std::size_t file;
    Finding finding;
  };

  void add(std::size_t file, Severity severity, Place place, std::string text,
           std::string component = {}, std::string key = {}) {
    found_.push_back({file,
                      {severity, files_[file].name, place.line, place.column, std::move(component),
                       std::move(key), std::move(text)}});
  }

  void read(std::size_t file) {
    YamlDocuments yaml = read_yaml(files_[file].text);
    if (yaml.error) {
      const bool template_text = files_[file].text.find("{{") != std::string::npos;
      add(file, Severity::kError, yaml.error_place,
          "this is not YAML: " + *yaml.error +
              (template_text ? "; it has {{ in it: a template is rendered first (helm template)"
                             : ""));
    }
    for (const YAML::Node& document : yaml.documents) take(file, document);
  }

  void take(std::size_t file, const YAML::Node& resource) {
    const std::string kind = kind_of(resource);
    if (kind.empty()) {
      return add(file, Severity::kError, place_of(resource),
                 "this is no resource: it has no kind (a Dapr component has kind: Component)");
    }
    if (base::to_lower(kind) == "component" && kind != "Component") {
      return add(file, Severity::kError, place_of(resource),
                 "kind " + base::quote(kind) + " is unknown to daprd; write kind: Component");
    }
    if (kind.ends_with("List")) {
      for (const YamlEntry& entry : entries_of(resource)) {
        if (entry.key != "items" || !entry.value.IsSequence()) continue;
        // The items of a list are not lists themselves.
        for (const YAML::Node& item : entry.value) resources_.push_back({file, item});
      }
      return;
    }
    resources_.push_back({file, resource});
  }

  /// Whether the Component is ours, with a remark if its type is only similar.
  bool is_ours(const Resource& resource, const ComponentDocument& component) {
    const std::string& type = component.type;
    if (type == our_type_) return true;
    const auto remark = [&](Severity severity, const std::string& text) {
      add(resource.file, severity, type.empty() ? component.place : component.type_place, text,
          component.name);
    };
    if (type.empty()) {
      remark(Severity::kError, "spec.type is missing; write type: " + our_type_);
      return true;
    }
    if (type == "pubsub.mqtt3" || (type == "pubsub.mqtt" && our_type_ != "pubsub.mqtt")) {
      const std::string name = type.substr(type.find('.') + 1);
      remark(Severity::kWarning, type + " is another type than " + our_type_ +
                                     ", which the socket's name stands for: "
                                     "daprd takes its built-in component. Write type: " +
                                     our_type_ + ", or serve with --name " + name);
      return true;
    }
    const std::array<std::string_view, 1> ours = {our_type_};
    if (!base::nearest_name(type, ours).empty() && type.find("mq") != std::string::npos &&
        type != "pubsub.rabbitmq") {
      remark(Severity::kError,
             "type " + base::quote(type) + " is unknown; did you mean " + our_type_ + "?");
      return true;
    }
    return false;
  }

  void check(const Resource& resource) {
    if (!is_ours(resource, peek_component(resource.node))) return;
    const auto remark_on = [&](const std::string& key) {
      return [this, &resource, key, name = peek_component(resource.node).name](
                 Severity severity, Place place, std::string text) {
        add(resource.file, severity, place, std::move(text), name, key);
      };
    };
    const std::size_t errors_before = errors();
    const ComponentDocument component = read_component(resource.node, remark_on(""));
    if (!component.version.empty() && component.version != "v1" && component.version != "v0") {
      remark_on("")(Severity::kError, component.version_place,
                    "version " + base::quote(component.version) + " is not v1, the only one");
    }

    FoundComponent found;
    found.file = files_[resource.file].name;
    found.line = component.place.line;
    found.name = component.name;
    for (const MetadataItem& item : component.metadata) {
      found.metadata[item.name] = item.elsewhere ? std::string() : item.value;
      if (item.elsewhere) found.given_elsewhere.push_back(item.name);
    }
    core::Metadata as_sent = found.metadata;
    // daprd does this too.
    if (base::trim(as_sent["consumerID"]).empty()) as_sent["consumerID"] = "app";
    MetadataReport checked =
        check_component_metadata(as_sent, {found.given_elsewhere, component.init_timeout});
    for (const Note& note : checked.problems) {
      remark_on(note.key)(Severity::kError, place_of_key(component, note.key), note.text);
    }
    for (const Note& note : checked.warnings) {
      remark_on(note.key)(Severity::kWarning, place_of_key(component, note.key), note.text);
    }
    advise(component, checked.settings, workloads_, remark_on(""));
    found.settings = std::move(checked.settings);
    found.good = errors() == errors_before && found.given_elsewhere.empty();
    report_.components.push_back(std::move(found));
  }

  std::size_t errors() const {
    return static_cast<std::size_t>(std::count_if(
        found_.begin(), found_.end(),
        [](const Located& located) { return located.finding.severity == Severity::kError; }));
  }

  /// The place for a remark about a key: the value of one of our keys, the name of
  /// an unknown one, or the whole list for a missing one.
  static Place place_of_key(const ComponentDocument& component, const std::string& key) {
    const MetadataItem* ours = nullptr;
    for (const MetadataItem& item : component.metadata) {
      const KeyInfo* const meant = find_key(item.name);
      if (item.name == key) return meant != nullptr ? item.value_place : item.name_place;
      if (meant != nullptr && meant->name == key) ours = &item;
    }
    return ours != nullptr ? ours->value_place : component.metadata_place;
  }

  const std::span<const SourceFile> files_;
  const std::string our_type_;
  std::vector<Resource> resources_;
  std::vector<Workload> workloads_;
  std::vector<Located> found_;
  FilesReport report_;
};

}  // namespace

FilesReport check_component_files(std::span<const SourceFile> files,
                                  const std::string& socket_name) {
  try {
    return Check(files, socket_name).run();
  } catch (const std::exception& error) {
    FilesReport report;
    report.findings.push_back(
        {Severity::kError, files.empty() ? "" : files[0].name, 0, 0, "", "",
         std::string("the file cannot be read as Components: ") + error.what()});
    return report;
  }
}

}  // namespace dapr_mqtt::config
