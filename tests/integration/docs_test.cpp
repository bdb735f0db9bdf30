// Holds README.md and docs/ to the program: each `console` block is run, each
// Component validated, each link followed, and the table of fields is the key
// table's. To renew the table: DAPR_MQTT_RENEW_GOLDEN=1.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "support/component_process.h"
#include "support/mosquitto.h"

namespace dapr_mqtt::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const fs::path kRoot = PROJECT_ROOT;

std::string read(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<fs::path> pages() {
  std::vector<fs::path> out{kRoot / "README.md", kRoot / "README.zh-CN.md"};
  for (const auto& entry : fs::directory_iterator(kRoot / "docs")) {
    if (entry.path().extension() == ".md") out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

struct Block {
  std::string language;
  std::vector<std::string> lines;
};

/// Fenced blocks, in their order.
std::vector<Block> blocks_of(const std::string& text) {
  std::vector<Block> out;
  bool inside = false;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      inside = !inside;
      if (inside) out.push_back({line.substr(3), {}});
    } else if (inside) {
      out.back().lines.push_back(line);
    }
  }
  return out;
}

std::string join(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

/// The anchor that a heading gets on GitHub.
std::string anchor_of(const std::string& heading) {
  std::string out;
  for (const char c : heading) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || std::isalnum(byte) != 0 || c == '_' || c == '-') {
      out += static_cast<char>(byte < 0x80 ? std::tolower(byte) : byte);
    } else if (c == ' ') {
      out += '-';
    }
  }
  return out;
}

std::set<std::string> anchors_of(const fs::path& page) {
  std::set<std::string> out;
  std::istringstream lines(read(page));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t text = line.find_first_not_of('#');
    if (text == 0 || text == std::string::npos || line[text] != ' ') continue;
    out.insert(anchor_of(line.substr(text + 1)));
  }
  return out;
}

TEST(Docs, link_only_to_what_is_there) {
  const std::regex link(R"(\]\(([^)\s]+)\))");
  for (const fs::path& page : pages()) {
    const std::string text = read(page);
    ASSERT_NE(text, "") << page;
    for (std::sregex_iterator it(text.begin(), text.end(), link), end; it != end; ++it) {
      std::string target = (*it)[1];
      if (target.starts_with("https://")) continue;  // no network in tests
      const std::size_t hash = target.find('#');
      const std::string anchor = hash == std::string::npos ? "" : target.substr(hash + 1);
      target = target.substr(0, hash);
      const fs::path file = target.empty() ? page : page.parent_path() / target;
      EXPECT_TRUE(fs::exists(file)) << page << " links to " << target;
      if (!anchor.empty()) {
        EXPECT_TRUE(anchors_of(file).contains(anchor)) << page << " links to " << file << "#" << anchor;
      }
    }
  }
}

TEST(Docs, show_only_components_that_are_right) {
  const TemporaryFolder folder;
  int components = 0;
  for (const fs::path& page : pages()) {
    for (const Block& block : blocks_of(read(page))) {
      const std::string text = join(block.lines);
      if (block.language != "yaml" || text.find("kind: Component") == std::string::npos) continue;
      ++components;
      const std::string path = folder.path() + "/component.yaml";
      std::ofstream(path) << text;
      ChildProcess validate({ComponentProcess::executable(), "validate", path});
      EXPECT_EQ(validate.wait_for_end(), 0) << page << "\n" << text << validate.final_output();
    }
  }
  EXPECT_GT(components, 4);
}

/// A table in `page` between its two comments is what `generate <what>` prints.
void expect_generated(const fs::path& page, const std::string& what) {
  const std::string top = "<!-- " + what + ": made by `dapr-pubsub-mqtt generate " + what + "` -->\n";
  std::string text = read(page);
  ChildProcess generate({ComponentProcess::executable(), "generate", what});
  ASSERT_EQ(generate.wait_for_end(), 0);
  const std::size_t begin = text.find(top) + top.size();
  const std::size_t end = text.find("<!-- " + what + ": end -->\n");
  ASSERT_NE(end, std::string::npos) << page;
  ASSERT_LE(begin, end) << page;
  if (std::getenv("DAPR_MQTT_RENEW_GOLDEN") != nullptr) {
    text.replace(begin, end - begin, generate.final_output());
    std::ofstream(page) << text;
  } else {
    EXPECT_EQ(text.substr(begin, end - begin), generate.final_output()) << page;
  }
}

TEST(Docs, have_the_tables_that_the_program_has) {
  expect_generated(kRoot / "docs/component.md", "fields");
  expect_generated(kRoot / "docs/settings.md", "options");
}

TEST(Docs, name_every_field_in_the_translation_too) {
  ChildProcess generate({ComponentProcess::executable(), "generate", "fields"});
  ASSERT_EQ(generate.wait_for_end(), 0);
  const std::string translated = read(kRoot / "docs/component.zh-CN.md");
  std::istringstream lines(generate.final_output());
  std::string row;
  for (int heading = 0; heading < 2; ++heading) std::getline(lines, row);
  while (std::getline(lines, row)) {
    // "| `qos` | N |" and the default are the same in both.
    const std::string start = row.substr(0, row.find('|', row.find('|', 2) + 1) + 1);
    EXPECT_THAT(translated, HasSubstr("\n" + start)) << "docs/component.zh-CN.md";
  }
}

/// Those that have console blocks.
const std::vector<std::string> kPagesWithCommands = {
    "docs/component.md",        "docs/component.zh-CN.md",
    "docs/howto-tls.md",        "docs/howto-kubernetes.md",
    "docs/troubleshooting.md",  "docs/howto-competing-consumers.md",
};

/// Runs the console blocks of a page in one folder, one after the other, with a
/// broker and a component there as the page assumes them.
class Commands : public ::testing::TestWithParam<std::string> {
 protected:
  void write(const std::string& name, const std::string& text) {
    const fs::path path = fs::path(folder_.path()) / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << here(text);
  }
  /// With the ports of this run.
  std::string here(const std::string& text) const {
    return std::regex_replace(text, std::regex("localhost:1883"),
                              "127.0.0.1:" + std::to_string(broker_->port()));
  }

  TemporaryFolder folder_;
  std::optional<Mosquitto> broker_;
};

TEST_P(Commands, work_as_they_stand) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const fs::path page = kRoot / GetParam();
  const std::string text = read(page);
  if (text.find("$ openssl ") != std::string::npos && !fs::exists("/usr/bin/openssl")) {
    GTEST_SKIP() << "needs the openssl command";
  }
  broker_.emplace();
  const ComponentProcess component;
  const std::string bin = folder_.path() + "/bin";
  fs::create_directory(bin);
  fs::create_symlink(ComponentProcess::executable(), bin + "/dapr-pubsub-mqtt");
  int run = 0;
  for (const Block& block : blocks_of(text)) {
    const std::string& first = block.lines.empty() ? "" : block.lines.front();
    if (block.language == "yaml" && first.starts_with("# file: ")) write(first.substr(8), join(block.lines));
    if (block.language != "console") continue;
    std::string script;
    for (const std::string& line : block.lines) {
      script += (line.starts_with("$ ") ? line.substr(2) : line) + "\n";
    }
    ChildProcess shell({"/bin/bash", "-euc", "cd \"$0\"\n" + here(script), folder_.path()},
                       {{"PATH", bin + ":/usr/bin:/bin"},
                        {"DAPR_COMPONENTS_SOCKETS_FOLDER",
                         fs::path(component.socket()).parent_path().string()}});
    EXPECT_EQ(shell.wait_for_end(std::chrono::seconds(60)), 0)
        << page << "\n" << script << "\n" << shell.output();
    ++run;
  }
  EXPECT_GT(run, 0) << page << " has no commands any more: take it off the list";
}

INSTANTIATE_TEST_SUITE_P(Of, Commands, ::testing::ValuesIn(kPagesWithCommands),
                         [](const auto& page) {
                           std::string name = fs::path(page.param).stem().string();
                           std::replace_if(
                               name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
                           return name;
                         });

TEST(Docs, that_have_commands_are_all_run) {
  for (const fs::path& page : pages()) {
    const std::string text = read(page);
    if (text.find("\n```console\n") == std::string::npos) continue;
    EXPECT_THAT(kPagesWithCommands, ::testing::Contains(fs::relative(page, kRoot).string()));
  }
}

}  // namespace
}  // namespace dapr_mqtt::testing
