// deploy/metadata.yaml and the table of keys say the same, in the schema of
// Dapr's component metadata bundles.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <set>
#include <string>
#include <vector>

#include "dapr_mqtt/config/keys.h"

namespace dapr_mqtt::config {
namespace {

YAML::Node document() { return YAML::LoadFile(DAPR_MQTT_METADATA_YAML); }

std::set<std::string> fields(const YAML::Node& node) {
  std::set<std::string> out;
  for (const auto& field : node) out.insert(field.first.as<std::string>());
  return out;
}

TEST(MetadataYaml, Names_the_component_as_the_schema_asks) {
  const YAML::Node root = document();
  EXPECT_EQ(fields(root),
            (std::set<std::string>{"schemaVersion", "type", "name", "version", "status", "title",
                                   "description", "urls", "metadata"}));
  EXPECT_EQ(root["schemaVersion"].as<std::string>(), "v1");
  EXPECT_EQ(root["type"].as<std::string>(), "pubsub");
  EXPECT_EQ(root["name"].as<std::string>(), "mqtt");
  EXPECT_EQ(root["version"].as<std::string>(), "v1");
  EXPECT_THAT(root["status"].as<std::string>(),
              ::testing::AnyOf("stable", "beta", "alpha", "development-only"));
  ASSERT_GE(root["urls"].size(), 1U);
  // Dapr's validation requires this one.
  EXPECT_EQ(root["urls"][0]["title"].as<std::string>(), "Reference");
  EXPECT_THAT(root["urls"][0]["url"].as<std::string>(),
              ::testing::StartsWith("https://docs.dapr.io/reference/components-reference/"));
}

TEST(MetadataYaml, Has_the_keys_of_the_table_in_its_order) {
  std::vector<std::string> documented;
  for (const YAML::Node& entry : document()["metadata"]) {
    documented.push_back(entry["name"].as<std::string>());
  }
  std::vector<std::string> known;
  for (const KeyInfo& key : keys()) known.emplace_back(key.name);
  EXPECT_EQ(documented, known);
}

TEST(MetadataYaml, Says_of_each_key_what_the_table_says) {
  const YAML::Node entries = document()["metadata"];
  ASSERT_EQ(entries.size(), keys().size());
  for (std::size_t i = 0; i < keys().size(); ++i) {
    const KeyInfo& key = keys()[i];
    const YAML::Node entry = entries[i];
    SCOPED_TRACE(std::string(key.name));

    std::set<std::string> expected = {"name", "type", "example", "description"};
    if (key.required) expected.insert("required");
    if (key.sensitive) expected.insert("sensitive");
    if (!key.default_value.empty()) expected.insert("default");
    if (!key.allowed_values.empty()) expected.insert("allowedValues");
    ASSERT_EQ(fields(entry), expected);

    EXPECT_EQ(entry["name"].as<std::string>(), key.name);
    EXPECT_EQ(entry["type"].as<std::string>(), to_string(key.type));
    EXPECT_EQ(entry["example"].as<std::string>(), key.example);
    EXPECT_EQ(entry["description"].as<std::string>(), documented_description(key));
    EXPECT_EQ(entry["required"].as<bool>(false), key.required);
    EXPECT_EQ(entry["sensitive"].as<bool>(false), key.sensitive);
    EXPECT_EQ(entry["default"].as<std::string>(""), key.default_value);
    if (!key.allowed_values.empty()) {
      const auto values = entry["allowedValues"].as<std::vector<std::string>>();
      EXPECT_TRUE(std::equal(values.begin(), values.end(), key.allowed_values.begin(),
                             key.allowed_values.end()));
    }
  }
}

}  // namespace
}  // namespace dapr_mqtt::config
