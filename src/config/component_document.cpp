#include "config/component_document.h"

#include <algorithm>
#include <array>
#include <set>
#include <span>

#include "dapr_mqtt/base/nearest.h"
#include "dapr_mqtt/base/parse.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::config {
namespace {

constexpr std::string_view kApiVersion = "dapr.io/v1alpha1";

constexpr std::array<std::string_view, 6> kTopFields = {"apiVersion", "kind", "metadata",
                                                        "spec",       "auth", "scopes"};
constexpr std::array<std::string_view, 5> kSpecFields = {"type", "version", "ignoreErrors",
                                                         "initTimeout", "metadata"};
constexpr std::array<std::string_view, 4> kItemFields = {"name", "value", "secretKeyRef", "envRef"};

/// Reads the fields of mappings, and adds a remark for each unknown one.
class Reader {
 public:
  explicit Reader(const Remark& remark) : remark_(remark) {}

  void error(Place place, std::string text) const {
    remark_(Severity::kError, place, std::move(text));
  }
  void warn(Place place, std::string text) const {
    remark_(Severity::kWarning, place, std::move(text));
  }

  /// The value of `name`; undefined if it is absent.
  YAML::Node field(const YAML::Node& mapping, std::string_view name) const {
    for (const YamlEntry& entry : entries_of(mapping)) {
      if (entry.key == name) return entry.value;
    }
    return YAML::Node(YAML::NodeType::Undefined);
  }

  void check_fields(const YAML::Node& mapping, const std::string& where,
                    std::span<const std::string_view> known) const {
    std::set<std::string> seen;
    for (const YamlEntry& entry : entries_of(mapping)) {
      const std::string path = where + entry.key;
      if (!seen.insert(entry.key).second) {
        error(entry.place, path + " is given twice; keep one of them");
      } else if (std::find(known.begin(), known.end(), entry.key) == known.end()) {
        const std::string_view near = base::nearest_name(entry.key, known);
        warn(entry.place, "unknown field " + base::quote(path, 80) + " is ignored" +
                              (near.empty() ? "" : "; did you mean " + std::string(near) + "?"));
      }
    }
  }

  /// The text at `name`; empty when absent. Adds a remark if the value is not a text.
  std::string text(const YAML::Node& mapping, std::string_view name,
                   const std::string& path) const {
    const YAML::Node node = field(mapping, name);
    if (!node.IsDefined() || node.IsNull()) return {};
    const auto value = text_of(node);
    if (!value) error(place_of(node), path + " must be a text");
    return value.value_or("");
  }

 private:
  const Remark& remark_;
};

void read_secret(const Reader& read, const YAML::Node& reference, const std::string& item) {
  if (!reference.IsMap()) {
    return read.error(place_of(reference), item + ": secretKeyRef must have name and key");
  }
  static constexpr std::array<std::string_view, 2> kFields = {"name", "key"};
  read.check_fields(reference, "secretKeyRef.", kFields);
  if (base::trim(read.text(reference, "name", "secretKeyRef.name")).empty()) {
    read.error(place_of(reference), item + ": secretKeyRef has no name, the secret's name");
  }
}

void read_environment(const Reader& read, const YAML::Node& reference, const std::string& item) {
  const std::string name = text_of(reference).value_or("");
  if (name.empty()) {
    read.error(place_of(reference), item + ": envRef must name an environment variable of daprd");
  } else if (name.starts_with("DAPR_") || name == "APP_API_TOKEN" ||
             name.find(' ') != std::string::npos) {
    read.error(place_of(reference),
               item + ": daprd hands out no variable " + base::quote(name) +
                   " (none that begins with DAPR_, and not APP_API_TOKEN); use another name");
  }
}

/// Undefined for the forms in which Kubernetes writes a value that was not set:
/// {name: "", key: ""}, "", null. daprd ignores them.
YAML::Node unless_blank(const YAML::Node& node) {
  const YAML::Node nothing(YAML::NodeType::Undefined);
  if (!node.IsDefined() || node.IsNull()) return nothing;
  if (node.IsScalar()) return node.Scalar().empty() ? nothing : node;
  const auto entries = entries_of(node);
  const bool blank =
      !entries.empty() && std::all_of(entries.begin(), entries.end(), [](const auto& entry) {
        return (entry.key == "name" || entry.key == "key") &&
               (entry.value.IsNull() || (entry.value.IsScalar() && entry.value.Scalar().empty()));
      });
  return blank ? nothing : node;
}

std::optional<MetadataItem> read_item(const Reader& read, const YAML::Node& node) {
  if (!node.IsMap()) {
    read.error(place_of(node), "spec.metadata: each item must be \"name: …\" and \"value: …\"");
    return std::nullopt;
  }
  read.check_fields(node, "spec.metadata[].", kItemFields);
  MetadataItem item;
  item.name = read.text(node, "name", "spec.metadata[].name");
  if (base::trim(item.name).empty()) {
    read.error(place_of(node), "spec.metadata: this item has no name");
    return std::nullopt;
  }
  item.name_place = place_of(read.field(node, "name"));
  item.value_place = item.name_place;

  const YAML::Node value = read.field(node, "value");
  const YAML::Node secret = unless_blank(read.field(node, "secretKeyRef"));
  const YAML::Node environment = unless_blank(read.field(node, "envRef"));
  const int given = (value.IsDefined() && !value.IsNull() ? 1 : 0) + (secret.IsDefined() ? 1 : 0) +
                    (environment.IsDefined() ? 1 : 0);
  if (given > 1) {
    read.error(item.name_place,
               item.name + ": has more than one of value, secretKeyRef and envRef; keep one");
  }
  if (secret.IsDefined()) {
    read_secret(read, secret, item.name);
    item.value_place = place_of(secret);
    item.elsewhere = true;
  } else if (environment.IsDefined()) {
    read_environment(read, environment, item.name);
    item.value_place = place_of(environment);
    item.elsewhere = true;
  } else if (given == 0) {
    read.warn(item.name_place, item.name + ": has no value, which counts as not set");
  } else if (value.IsScalar()) {
    // Null (an empty value, ~) is not set.
    item.value = sent_text(value).value_or("");
    item.value_place = place_of(value);
    item.changes_when_read = item.value != text_of(value) && sent_text(value).has_value();
  } else {
    read.error(place_of(value), item.name +
                                    ": value must be a text, not a list or a mapping; "
                                    "put what begins with { or [ in quotes, and render a Helm "
                                    "template ({{ … }}) first");
    return std::nullopt;
  }
  return item;
}

void read_items(const Reader& read, const YAML::Node& list, ComponentDocument& out) {
  if (!list.IsDefined() || list.IsNull()) return;
  out.metadata_place = place_of(list);
  if (!list.IsSequence()) {
    return read.error(out.metadata_place,
                      "spec.metadata must be a list: items of \"- name: …\" and \"value: …\"");
  }
  std::set<std::string> seen;
  for (const YAML::Node& node : list) {
    auto item = read_item(read, node);
    if (!item) continue;
    if (!seen.insert(item->name).second) {
      read.error(item->name_place,
                 item->name + ": given twice; daprd takes the last one. Keep one of them");
      std::erase_if(out.metadata, [&](const MetadataItem& old) { return old.name == item->name; });
    }
    out.metadata.push_back(std::move(*item));
  }
}

void read_spec(const Reader& read, const YAML::Node& spec, ComponentDocument& out) {
  read.check_fields(spec, "spec.", kSpecFields);
  out.version = read.text(spec, "version", "spec.version");
  if (const YAML::Node version = read.field(spec, "version"); version.IsDefined()) {
    out.version_place = place_of(version);
  } else {
    read.warn(
        place_of(spec),
        "spec.version is missing, and Kubernetes accepts no Component without it; write version: "
        "v1");
  }
  // Kubernetes writes an empty text for a value that was not set: daprd uses its default.
  if (const YAML::Node timeout = read.field(spec, "initTimeout");
      timeout.IsDefined() && !timeout.IsNull() && text_of(timeout) != "") {
    const std::string text = text_of(timeout).value_or("");
    out.init_timeout = base::parse_duration(text);
    if (!out.init_timeout || out.init_timeout->count() <= 0 || base::parse_integer(text)) {
      read.error(place_of(timeout),
                 "spec.initTimeout: " + base::quote(text) + " is not a duration like 10s");
      out.init_timeout.reset();
    }
  }
  if (const YAML::Node ignore = read.field(spec, "ignoreErrors"); ignore.IsDefined()) {
    if (!base::parse_bool(text_of(ignore).value_or(""))) {
      read.error(place_of(ignore), "spec.ignoreErrors must be true or false");
    }
  }
  read_items(read, read.field(spec, "metadata"), out);
}

void check_secret_store(const Reader& read, const YAML::Node& resource,
                        const ComponentDocument& component) {
  const YAML::Node auth = read.field(resource, "auth");
  static constexpr std::array<std::string_view, 1> kFields = {"secretStore"};
  if (auth.IsDefined() && !auth.IsNull() && !auth.IsMap()) {
    read.error(place_of(auth), "auth must have secretStore: the secret store's name");
  } else if (auth.IsDefined()) {
    read.check_fields(auth, "auth.", kFields);
    if (!read.text(auth, "secretStore", "auth.secretStore").empty()) return;
  }
  const YAML::Node items = read.field(read.field(resource, "spec"), "metadata");
  const auto secret = std::find_if(
      component.metadata.begin(), component.metadata.end(), [&](const MetadataItem& item) {
        return item.elsewhere && std::any_of(items.begin(), items.end(), [&](const auto& node) {
                 return unless_blank(read.field(node, "secretKeyRef")).IsDefined() &&
                        text_of(read.field(node, "name")) == item.name;
               });
      });
  if (secret == component.metadata.end()) return;
  read.warn(secret->value_place,
            secret->name +
                ": secretKeyRef without auth.secretStore is looked up in Kubernetes' own "
                "secrets, and nowhere outside Kubernetes; name the secret store");
}

}  // namespace

std::string kind_of(const YAML::Node& resource) {
  for (const YamlEntry& entry : entries_of(resource)) {
    if (entry.key == "kind") return text_of(entry.value).value_or("");
  }
  return {};
}

ComponentDocument peek_component(const YAML::Node& resource) {
  const Remark nobody = [](Severity, Place, const std::string&) {};
  const Reader read(nobody);
  ComponentDocument out;
  out.place = place_of(resource);
  out.name = read.text(read.field(resource, "metadata"), "name", "");
  const YAML::Node type = read.field(read.field(resource, "spec"), "type");
  if (type.IsDefined()) {
    out.type = text_of(type).value_or("");
    out.type_place = place_of(type);
  }
  return out;
}

ComponentDocument read_component(const YAML::Node& resource, const Remark& remark) {
  const Reader read(remark);
  ComponentDocument out = peek_component(resource);
  out.metadata_place = out.place;
  read.check_fields(resource, "", kTopFields);
  const YAML::Node api = read.field(resource, "apiVersion");
  if (!api.IsDefined()) {
    read.error(out.place,
               "apiVersion is missing, and daprd ignores this Component; write apiVersion: "
               "dapr.io/v1alpha1");
  } else if (text_of(api) != kApiVersion) {
    read.error(place_of(api), "apiVersion " + base::quote(text_of(api).value_or("")) +
                                  " is not dapr.io/v1alpha1; daprd ignores this Component");
  }
  if (out.name.empty()) read.error(out.place, "metadata.name is missing");
  if (const YAML::Node spec = read.field(resource, "spec"); spec.IsDefined()) {
    out.metadata_place = place_of(spec);
    read_spec(read, spec, out);
  }

  const YAML::Node scopes = read.field(resource, "scopes");
  if (scopes.IsDefined() && !scopes.IsNull() && !scopes.IsSequence()) {
    read.error(place_of(scopes), "scopes must be a list of app IDs");
  } else if (scopes.IsDefined()) {
    for (const YAML::Node& scope : scopes) out.scopes.push_back(text_of(scope).value_or(""));
  }
  check_secret_store(read, resource, out);
  return out;
}

}  // namespace dapr_mqtt::config
