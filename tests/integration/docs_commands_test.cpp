// Every command in README.md and docs/ is run here as it stands, or by another test,
// or named below with the reason why it cannot be.
#include <gmock/gmock.h>

#include <csignal>
#include <map>
#include <optional>
#include <regex>
#include <set>

#include "integration/docs_pages.h"
#include "support/component_process.h"
#include "support/mosquitto.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::HasSubstr;

/// Whoever runs a command instead of this file: a file of the tests and what in it
/// shows that. Without a file, why nobody does.
struct Elsewhere {
  std::string file;
  std::string text;
};

const std::map<std::string, Elsewhere>& elsewhere() {
  const Elsewhere dapr_cli{"",
                           "the dapr command is not in CI: e2e starts daprd itself, and its apps"};
  const Elsewhere capability{"tests/e2e/harness/daprd.go", "/v1.0/metadata"};
  static const std::map<std::string, Elsewhere> all = {
      {"scripts/run", {"tests/integration/run_script_test.cpp", "run({})"}},
      {"scripts/run --once", {"tests/integration/run_script_test.cpp", "run({\"--once\"})"}},
      {"scripts/run tcp://user:password@broker.example:1883",
       {"tests/integration/run_script_test.cpp", "broker.url()"}},
      {"scripts/test", {".ci/run", "exec scripts/test"}},
      {"scripts/test --fast -L instructions", {".ci/run", "exec scripts/test"}},
      {"dapr run", dapr_cli},
      {"dapr run --app-id orders --app-port 8080 --resources-path components -- ./orders",
       dapr_cli},
      {"DAPR_COMPONENTS_SOCKETS_FOLDER=/run/dapr-pubsub-mqtt dapr run …", dapr_cli},
      {"dapr run -f deploy/local", {"tests/e2e/local_test.go", "TestLocal_apps_of_dapr_yaml"}},
      {"curl localhost:3500/v1.0/metadata", capability},
      {"curl -s localhost:3500/v1.0/metadata", capability},
      {"curl -X POST "
       "'localhost:3500/v1.0/publish/mqtt-pubsub/lamps%2F7?metadata.publishPayload=data&metadata.retain=true' "
       "-H 'content-type: text/plain' -d ON",
       {"tests/e2e/devices_out_test.go", "publishPayload=data"}},
      {"curl -X POST http://localhost:3500/v1.0/shutdown",
       {"tests/unit/sidecar/daprd_api_test.cpp", "/v1.0/shutdown"}},
      {"cmake --preset release && cmake --build --preset release && (cd build/release && cpack)",
       {"tests/deploy/package_test.sh", "cpack --config"}},
      {"sudo apt install ./build/release/dapr-pubsub-mqtt_*.deb",
       {"tests/deploy/package_test.sh", "dpkg --root="}},
      {"apt purge", {"tests/deploy/package_test.sh", "--purge"}},
      {"apt remove", {"tests/deploy/package_test.sh", "--remove"}},
      {"sudo adduser <daprd's user> dapr-pubsub-mqtt", {"", "changes the machine's users"}},
      {"docker build -f docker/Dockerfile -t dapr-pubsub-mqtt --build-arg COMMIT=$(git rev-parse "
       "--short HEAD) .",
       {"tests/deploy/container_test.sh", "-f \"$source/docker/Dockerfile\""}},
      {"docker compose -f docker/compose.yaml up --build",
       {"tests/deploy/compose_test.go", "docker/compose.yaml"}},
      {"kubectl create secret generic mqtt --from-file=caCert=ca.crt "
       "--from-file=clientCert=client.crt --from-file=clientKey=client.key",
       {"", "needs a cluster"}},
      {"sqlite3 <file> .recover", {"", "SQLite's own, for a file that is damaged in whatever way"}},
      {"cmake --build build/release --target inbox_bench", {"", "a benchmark"}},
      {"scripts/bench --daprd", {"", "a benchmark"}},
      {"scripts/test -L brokers", {"", "the tests of brokers themselves"}},
      {"scripts/bench --quick", {"", "a benchmark"}},
      {"scripts/bench --rounds 3 --scale 0.5", {"", "a benchmark"}},
      {"cmake -B build -DPAHO_HIGH_PERFORMANCE=ON -DPAHO_WITH_SSL=ON "
       "-DCMAKE_INSTALL_PREFIX=/opt/paho",
       {"", "another project's sources"}},
      {"cmake --preset release -DDAPR_MQTT_PAHO_ROOT=/opt/paho",
       {"", "a Paho that whoever wants it has built"}},
      {"dapr-pubsub-mqtt check FILE|URL", {"", "a synopsis"}},
      {"dapr-pubsub-mqtt probe subscribe 'greetings/#' --file components/mqtt.yaml",
       {"tests/integration/tools_test.cpp", "\"probe\", \"subscribe\""}},
      {"dapr-pubsub-mqtt --name mqtt3", {"tests/integration/process_test.cpp", "\"--name\", "}},
      {"dapr-pubsub-mqtt --config serve.yaml",
       {"tests/integration/docs_commands_test.cpp", "serve_with_the_settings_of_the_page"}},
  };
  return all;
}

/// What is meant to be typed together: a block, or one line of a page.
struct Commands {
  std::vector<std::string> lines;
  bool console = false;  // a block that is run whole, what is no command in it too
};

/// What a command may begin with. Those that are not here are found in fenced
/// blocks only.
const std::regex kCommand(
    R"((\$ )?([A-Z_]+=\S+ )*(sudo |(dapr-pubsub-mqtt|scripts/\w+|deploy/samples/\S+|build/\S+|)"
    R"(dapr|daprd|kubectl|kustomize|helm|docker|podman|curl|openssl|mosquitto_\w+|sqlite3|)"
    R"(git|cmake|cpack|ctest|ninja|apt|apt-get|systemctl|journalctl)( |$)).*)");

std::string without_comment(std::string line) {
  if (line.starts_with("$ ")) line.erase(0, 2);
  if (const auto comment = line.find("  # "); comment != std::string::npos) line.erase(comment);
  return line.substr(0, line.find_last_not_of(' ') + 1);
}

/// The commands of a page's text between fenced blocks: indented ones and, with an
/// argument, those in backquotes.
void add_from_text(const std::string& line, std::vector<Commands>& out) {
  if (line.starts_with("    ")) {
    const std::string command = line.substr(line.find_first_not_of(' '));
    if (std::regex_match(command, kCommand)) out.push_back({{command}});
    return;
  }
  static const std::regex kCode("`([^`]+)`");
  for (std::sregex_iterator it(line.begin(), line.end(), kCode), end; it != end; ++it) {
    const std::string code = (*it)[1];
    if (code.find(' ') != std::string::npos && std::regex_match(code, kCommand)) {
      out.push_back({{code}});
    }
  }
}

/// In their order; lines that end in a backslash are one with the next.
std::vector<Commands> commands_of(const std::string& page) {
  std::vector<Commands> out;
  bool fenced = false;
  bool shell = false;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    for (std::string next; line.ends_with(" \\") && std::getline(lines, next);) {
      line = line.substr(0, line.size() - 1) + next.substr(next.find_first_not_of(' '));
    }
    if (line.starts_with("```")) {
      fenced = !fenced;
      const std::string language = line.substr(3);
      shell = fenced && (language == "console" || language == "sh" || language == "bash");
      if (shell) out.push_back({{}, true});
    } else if (shell) {
      out.back().lines.push_back(line);
    } else if (!fenced) {
      add_from_text(line, out);
    }
  }
  return out;
}

bool is_elsewhere(const Commands& commands) {
  return std::all_of(commands.lines.begin(), commands.lines.end(), [](const std::string& line) {
    return elsewhere().contains(without_comment(line));
  });
}

/// The Component that a page shows as components/mqtt.yaml; README's otherwise.
std::string readmes_component() {
  const std::string text = read(kRoot / "README.md");
  std::string out;
  std::istringstream lines(text.substr(text.find("       apiVersion: dapr.io/v1alpha1")));
  for (std::string line; std::getline(lines, line) && line.starts_with("       ");) {
    out += line.substr(7) + "\n";
  }
  return out;
}

/// Runs the commands of a page in one folder, one after the other, with a broker
/// and a component there as the page assumes them.
class DocsCommands : public ::testing::TestWithParam<std::string> {
 protected:
  void write(const std::string& name, const std::string& text) {
    const fs::path path = fs::path(folder_.path()) / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << here(text);
  }
  /// With the ports of this run.
  std::string here(std::string text) {
    const auto replace = [&](const char* from, std::uint16_t port) {
      text = std::regex_replace(text, std::regex(from), "127.0.0.1:" + std::to_string(port));
    };
    replace("localhost:1883", broker_->port());
    if (const TlsFiles files{folder_.path()}; files.there() && !tls_broker_) {
      tls_broker_.emplace(files.options());
    }
    if (tls_broker_) replace("localhost:8883", tls_broker_->port());
    return text;
  }
  void run(const Commands& commands, const ComponentProcess& component) {
    std::string script;
    for (const std::string& line : commands.lines) {
      script += (line.starts_with("$ ") ? line.substr(2) : line) + "\n";
    }
    ChildProcess shell(
        {"/bin/bash", "-euc", "cd \"$0\"\n" + here(script), folder_.path()},
        {{"PATH", bin() + ":/usr/bin:/bin"},
         {"DAPR_COMPONENTS_SOCKETS_FOLDER", fs::path(component.socket()).parent_path().string()}});
    EXPECT_EQ(shell.wait_for_end(std::chrono::seconds(60)), 0) << GetParam() << "\n"
                                                               << script << "\n"
                                                               << shell.output();
  }
  std::string bin() const {
    const std::string folder = folder_.path() + "/bin";
    if (fs::create_directory(folder)) {
      fs::create_symlink(ComponentProcess::executable(), folder + "/dapr-pubsub-mqtt");
    }
    return folder;
  }

  /// The files that docs/howto-tls.md has one make for the broker.
  struct TlsFiles {
    fs::path folder;
    bool there() const { return fs::exists(folder / "broker.crt"); }
    MosquittoOptions options() const {
      MosquittoOptions options;
      options.ca_pem = read(folder / "ca.crt");
      options.server = {read(folder / "broker.crt"), read(folder / "broker.key")};
      return options;
    }
  };

  TemporaryFolder folder_;
  std::optional<Mosquitto> broker_;
  std::optional<Mosquitto> tls_broker_;
};

TEST_P(DocsCommands, work_as_they_stand) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const std::string text = read(kRoot / GetParam());
  if (text.find("$ openssl ") != std::string::npos && !fs::exists("/usr/bin/openssl")) {
    GTEST_SKIP() << "needs the openssl command";
  }
  broker_.emplace();
  const ComponentProcess component;
  write("components/mqtt.yaml", readmes_component());
  for (const Block& block : blocks_of(text)) {
    const std::string& first = block.lines.empty() ? "" : block.lines.front();
    if (block.language == "yaml" && first.starts_with("# file: "))
      write(first.substr(8), join(block.lines));
  }
  for (const Commands& commands : commands_of(text)) {
    if (!is_elsewhere(commands)) run(commands, component);
  }
}

std::vector<std::string> pages_with_commands() {
  std::vector<std::string> out;
  for (const fs::path& page : pages()) {
    const auto all = commands_of(read(page));
    if (!std::all_of(all.begin(), all.end(), is_elsewhere)) {
      out.push_back(fs::relative(page, kRoot).string());
    }
  }
  return out;
}

INSTANTIATE_TEST_SUITE_P(
    Of, DocsCommands, ::testing::ValuesIn(pages_with_commands()), [](const auto& page) {
      std::string name = fs::path(page.param).stem().string();
      std::replace_if(
          name.begin(), name.end(),
          [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
      return name;
    });

TEST(DocsCommands, that_are_not_run_here_are_run_by_the_tests_that_are_named_for_them) {
  std::set<std::string> found;
  int run_here = 0;
  for (const fs::path& page : pages()) {
    for (const Commands& commands : commands_of(read(page))) {
      if (!is_elsewhere(commands)) ++run_here;
      for (const std::string& line : commands.lines) found.insert(without_comment(line));
    }
  }
  EXPECT_GT(run_here, 20);
  for (const auto& [command, where] : elsewhere()) {
    EXPECT_TRUE(found.contains(command)) << "no page has any more: " << command;
    if (!where.file.empty()) {
      EXPECT_THAT(read(kRoot / where.file), HasSubstr(where.text)) << command;
    }
  }
}

TEST(DocsCommands, serve_with_the_settings_of_the_page) {
  const TemporaryFolder folder;
  for (const Block& block : blocks_of(read(kRoot / "docs/settings.md"))) {
    if (block.lines.front() != "# file: serve.yaml") continue;
    std::ofstream(folder.path() + "/serve.yaml") << std::regex_replace(
        join(block.lines), std::regex("/run/dapr-components"), folder.path() + "/sockets");
  }
  ChildProcess serve({"/bin/sh", "-c", "cd \"$0\" && exec \"$1\" --config serve.yaml",
                      folder.path(), ComponentProcess::executable()},
                     {{"STATE_DIRECTORY", folder.path() + "/state"}});
  ASSERT_TRUE(serve.wait_for_output("serving on")) << serve.output();
  EXPECT_THAT(serve.output(), HasSubstr("{\"app_id\""));
  EXPECT_THAT(serve.output(), HasSubstr(folder.path() + "/sockets/mqtt.sock"));
  serve.signal(SIGTERM);
  EXPECT_EQ(serve.wait_for_end(), 0) << serve.output();
}

}  // namespace
}  // namespace dapr_mqtt::testing
