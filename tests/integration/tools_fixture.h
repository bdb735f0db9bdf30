// Runs the program's commands and holds what they print to the files in golden/.
// To renew them: DAPR_MQTT_RENEW_GOLDEN=1.
#pragma once

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <optional>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "support/component_process.h"

namespace dapr_mqtt::testing {

inline std::string read(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Without what differs from run to run.
inline std::string without_chance(std::string text, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at)) {
      text.replace(at, name.size(), "<NAME>");
    }
  }
  text = std::regex_replace(text, std::regex(" *[0-9]+\\.[0-9] ms"), " <TIME>");
  text =
      std::regex_replace(text, std::regex("\"microseconds\": ?[0-9]+"), "\"microseconds\": <TIME>");
  text = std::regex_replace(text, std::regex("\\b[0-9a-f]{8}\\b"), "<RANDOM>");
  // The commit is there in a clone only.
  text = std::regex_replace(
      text, std::regex("([ \"])[0-9]+\\.[0-9]+\\.[0-9]+( \\(commit [0-9a-f]+\\))?([\"\n])"),
      "$1<VERSION>$3");
  text = std::regex_replace(text, std::regex("localhost is [^\n]*"), "localhost is <ADDRESSES>");
  return text;
}

class Tools : public ::testing::Test {
 protected:
  struct Ran {
    std::optional<int> code;
    std::string output;
  };
  static Ran run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), ComponentProcess::executable());
    ChildProcess process(arguments);
    Ran ran{process.wait_for_end(std::chrono::seconds(60)), {}};
    ran.output = process.final_output();
    return ran;
  }
  static void expect_golden(const std::string& name, const std::string& output) {
    const std::string path = std::string(PROJECT_ROOT) + "/tests/integration/golden/" + name;
    if (std::getenv("DAPR_MQTT_RENEW_GOLDEN") != nullptr) std::ofstream(path) << output;
    EXPECT_EQ(output, read(path)) << path;
  }
  static std::string sample(const std::string& name) {
    return std::string(PROJECT_ROOT) + "/tests/integration/golden/" + name;
  }
};

}  // namespace dapr_mqtt::testing
