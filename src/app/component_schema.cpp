#include <nlohmann/json.hpp>

#include "app/documents.h"
#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/config/keys.h"

namespace dapr_mqtt::app {
namespace {

using Json = nlohmann::ordered_json;

/// A pattern for a word in any letter case, as the component accepts it: "[qQ][oO][sS]".
std::string in_any_case(std::string_view word) {
  std::string pattern;
  for (const char c : word) {
    const char lower = base::to_lower({&c, 1}).front();
    const char upper = lower >= 'a' && lower <= 'z' ? static_cast<char>(lower - 'a' + 'A') : lower;
    if (lower != upper) {
      pattern += std::string("[") + lower + upper + "]";
    } else {
      pattern += (c == '.' || c == '+' ? "\\" : "") + std::string(1, c);
    }
  }
  return pattern;
}

/// White space around a value is ignored, and a value of only white space counts as none.
std::string whole(const std::string& pattern) { return "^\\s*(" + pattern + ")?\\s*$"; }

/// The values themselves, for the editor's list, and a pattern for other spellings of them.
Json choice(const config::KeyInfo& key) {
  Json values = Json::array();
  std::string pattern;
  for (const std::string_view value : key.allowed_values) {
    const bool number = value.find_first_not_of("0123456789") == std::string_view::npos;
    values.push_back(value);
    if (number) values.push_back(std::stoi(std::string(value)));
    pattern +=
        (pattern.empty() ? "" : "|") + std::string(number ? "[+]?" : "") + in_any_case(value);
  }
  const Json texts = {{"type", {"string", "null"}}, {"pattern", whole(pattern)}};
  return {{{"enum", values}}, texts};
}

Json value_schema(const config::KeyInfo& key) {
  Json schema = {{"description", config::documented_description(key)}};
  if (!key.default_value.empty()) schema["default"] = key.default_value;
  if (!key.example.empty()) schema["examples"] = {key.example};
  if (!key.allowed_values.empty()) {
    schema["anyOf"] = choice(key);
    return schema;
  }
  switch (key.type) {
    // daprd turns numbers and booleans into texts.
    case config::KeyType::kString: schema["type"] = {"string", "number", "boolean", "null"}; break;
    case config::KeyType::kNumber:
      schema["type"] = {"integer", "string", "null"};
      schema["pattern"] = whole("[-+]?[0-9]+");
      break;
    case config::KeyType::kBool:
      schema["type"] = {"boolean", "integer", "string", "null"};
      schema["pattern"] = whole(
          "[tT]([rR][uU][eE])?|[fF]([aA][lL][sS][eE])?|[yY]([eE][sS])?|[nN]([oO])?|[oO][nN]|"
          "[oO][fF][fF]|0|1");
      break;
    case config::KeyType::kDuration:
      schema["type"] = {"integer", "string", "null"};
      schema["pattern"] = whole("[-+]?([0-9]+|([0-9.]+(h|m|s|ms|us|µs|ns))+)");
      break;
  }
  return schema;
}

/// An item of spec.metadata. If its name is one of our keys, the value must be of that key's kind.
Json item_schema() {
  Json names = Json::array();
  Json rules = Json::array();
  for (const config::KeyInfo& key : config::keys()) {
    names.push_back(key.name);
    rules.push_back(
        {{"if", {{"properties", {{"name", {{"pattern", "^" + in_any_case(key.name) + "$"}}}}}}},
         {"then", {{"properties", {{"value", value_schema(key)}}}}}});
  }
  // Kubernetes writes an empty secretKeyRef beside a value, which counts as none.
  const Json reference = {{"type", "object"},
                          {"required", {"name"}},
                          {"properties", {{"name", {{"type", "string"}, {"minLength", 1}}}}}};
  const Json variable = {{"type", "string"}, {"minLength", 1}};
  const Json one_of = {
      {{"required", {"value"}}},
      {{"required", {"secretKeyRef"}}, {"properties", {{"secretKeyRef", reference}}}},
      {{"required", {"envRef"}}, {"properties", {{"envRef", variable}}}}};
  return {{"type", "object"},
          {"required", {"name"}},
          {"additionalProperties", false},
          {"properties",
           {{"name",
             // The first is for the editor's list, the second allows other spellings.
             {{"anyOf", {{{"enum", names}}, {{"type", "string"}, {"minLength", 1}}}}}},
            {"value", {{"type", {"string", "number", "boolean", "null"}}}},
            {"secretKeyRef",
             {{"type", "object"},
              {"required", {"name"}},
              {"additionalProperties", false},
              {"properties", {{"name", {{"type", "string"}}}, {"key", {{"type", "string"}}}}}}},
            {"envRef", {{"type", "string"}}}}},
          {"oneOf", one_of},
          {"allOf", rules}};
}

}  // namespace

std::string component_schema() {
  const Json text = {{"type", "string"}};
  const Json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"},
                       {"title", "Dapr Component of type pubsub.mqtt (dapr-pubsub-mqtt)"},
                       {"type", "object"},
                       {"required", {"apiVersion", "kind", "metadata", "spec"}},
                       {"properties",
                        {{"apiVersion", {{"const", "dapr.io/v1alpha1"}}},
                         {"kind", {{"const", "Component"}}},
                         {"metadata",
                          {{"type", "object"},
                           {"required", {"name"}},
                           {"properties", {{"name", text}, {"namespace", text}}}}},
                         {"spec",
                          {{"type", "object"},
                           {"required", {"type", "version"}},
                           {"additionalProperties", false},
                           {"properties",
                            {{"type", {{"type", "string"}, {"examples", {"pubsub.mqtt"}}}},
                             {"version", {{"enum", {"v1", "v0"}}}},
                             {"ignoreErrors", {{"type", "boolean"}}},
                             {"initTimeout", {{"type", "string"}, {"examples", {"10s"}}}},
                             {"metadata", {{"type", "array"}, {"items", item_schema()}}}}}}},
                         {"auth", {{"type", "object"}, {"properties", {{"secretStore", text}}}}},
                         {"scopes", {{"type", "array"}, {"items", text}}}}}};
  return schema.dump(2) + "\n";
}

}  // namespace dapr_mqtt::app
