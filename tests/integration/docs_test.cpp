// Holds README.md and docs/ to the program: each Component is validated, each link
// followed, and the table of fields is the key table's. To renew the table:
// DAPR_MQTT_RENEW_GOLDEN=1. Their commands are docs_commands_test.cpp's.
#include <gmock/gmock.h>

#include <regex>
#include <set>

#include "integration/docs_pages.h"
#include "support/component_process.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::HasSubstr;

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
      if (target.find("://") != std::string::npos) continue;
      const std::size_t hash = target.find('#');
      const std::string anchor = hash == std::string::npos ? "" : target.substr(hash + 1);
      target = target.substr(0, hash);
      const fs::path file = target.empty() ? page : page.parent_path() / target;
      EXPECT_TRUE(fs::exists(file)) << page << " links to " << target;
      if (!anchor.empty()) {
        EXPECT_TRUE(anchors_of(file).contains(anchor))
            << page << " links to " << file << "#" << anchor;
      }
    }
  }
}

/// Whose pages ours link to. No test goes there: CI need not reach them.
const std::set<std::string> kHosts = {
    "dapr.io",       "docs.dapr.io",        "docs.aws.amazon.com",
    "github.com",    "learn.microsoft.com", "docs.emqx.com",
    "nanomq.io",     "docs.hivemq.com",     "docs.vernemq.com",
    "mosquitto.org",
};

TEST(Docs, link_to_the_web_by_https_and_to_hosts_that_we_know) {
  const std::regex url(R"((https?)://([^\s)`"'<>\]]*))");
  const std::regex right("([a-z0-9-]+(\\.[a-z0-9-]+)+)(/[!-~]*)?");
  for (const fs::path& page : pages()) {
    const std::string text = read(page);
    for (std::sregex_iterator it(text.begin(), text.end(), url), end; it != end; ++it) {
      const std::string rest = (*it)[2];
      if (rest.starts_with("127.0.0.1") || rest.starts_with("localhost")) continue;
      if (rest.starts_with("user:password@")) continue;  // of a proxy
      EXPECT_EQ((*it)[1], "https") << page << ": " << rest;
      std::smatch parts;
      ASSERT_TRUE(std::regex_match(rest, parts, right)) << page << ": " << rest;
      EXPECT_TRUE(kHosts.contains(parts[1])) << page << ": " << rest;
    }
  }
}

/// All of tests/, names of files and text.
std::string test_sources() {
  std::string out;
  for (const auto& entry : fs::recursive_directory_iterator(kRoot / "tests")) {
    const std::string extension = entry.path().extension();
    if (extension != ".cpp" && extension != ".go" && extension != ".h") continue;
    out += entry.path().stem().string() + "\n" + read(entry.path());
  }
  return out;
}

// A promise names the test that holds it: at least three words, in backticks.
TEST(Docs, name_only_tests_that_are_there) {
  const std::regex test("`([A-Za-z][a-z0-9]*(_[A-Za-z0-9]+){2,})`");
  const std::string sources = test_sources();
  std::size_t found = 0;
  for (const fs::path& page : {kRoot / "README.md", kRoot / "docs/guarantees.md"}) {
    const std::string text = read(page);
    for (std::sregex_iterator it(text.begin(), text.end(), test), end; it != end; ++it) {
      const std::string name = (*it)[1];
      if (name.starts_with("dapr_mqtt_")) continue;  // a metric
      ++found;
      EXPECT_NE(sources.find(name), std::string::npos) << page << " names the test " << name;
    }
  }
  EXPECT_GT(found, 30U);
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
  const std::string top =
      "<!-- " + what + ": made by `dapr-pubsub-mqtt generate " + what + "` -->\n";
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

TEST(Docs, name_every_field_in_both_readmes) {
  ChildProcess generate({ComponentProcess::executable(), "generate", "fields"});
  ASSERT_EQ(generate.wait_for_end(), 0);
  const std::string table = generate.final_output();
  const std::regex row("(^|\n)\\| (`[A-Za-z]+`) ");
  for (const char* page : {"README.md", "README.zh-CN.md"}) {
    const std::string text = read(kRoot / page);
    for (std::sregex_iterator it(table.begin(), table.end(), row), end; it != end; ++it) {
      EXPECT_THAT(text, HasSubstr((*it)[2].str())) << page;
    }
  }
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

}  // namespace
}  // namespace dapr_mqtt::testing
