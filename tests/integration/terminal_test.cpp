// What a person at a terminal sees beyond what a pipe gets: steps as they happen,
// colours, and what is waited for.
#include "contract/scripted_broker.h"
#include "integration/tools_fixture.h"
#include "support/mosquitto.h"

namespace dapr_mqtt::testing {
namespace {

using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using Output = ChildProcess::Output;

constexpr const char* kEscape = "\033";
constexpr const char* kWipe = "\r\033[K";

class Terminal : public Tools {
 protected:
  static std::unique_ptr<ChildProcess> start(std::vector<std::string> arguments, Output output,
                                             std::map<std::string, std::string> environment = {}) {
    arguments.insert(arguments.begin(), ComponentProcess::executable());
    environment.try_emplace("TERM", "xterm");
    environment.try_emplace("NO_COLOR", "");
    return std::make_unique<ChildProcess>(arguments, environment, output);
  }
  static std::string all_of(ChildProcess& process) {
    EXPECT_TRUE(process.wait_for_end(seconds(60)));
    return process.final_output();
  }
};

TEST_F(Terminal, shows_each_step_of_check_as_it_happens_in_colours) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const Mosquitto broker;
  const auto check = start({"check", broker.url()}, Output::kTerminal);
  expect_golden("check_terminal.txt",
                without_chance(all_of(*check), {std::to_string(broker.port())}));
}

TEST_F(Terminal, shows_a_failed_step_in_red_and_a_warning_in_yellow) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const Mosquitto broker({.extra_lines = {"max_packet_size 2000"}});
  EXPECT_THAT(all_of(*start({"check", broker.url()}, Output::kTerminal)),
              HasSubstr("\033[33mwarn\033[0m"));
  const std::string nowhere = "tcp://127.0.0.1:" + std::to_string(unused_port());
  EXPECT_THAT(all_of(*start({"check", nowhere}, Output::kTerminal)),
              AllOf(HasSubstr("\033[1;31mFAIL\033[0m"), HasSubstr("\nfailed: tcp://127.0.0.1:")));
}

TEST_F(Terminal, has_no_colours_with_NO_COLOR_unless_it_is_empty) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const Mosquitto broker;
  const auto check = [&](const std::string& value) {
    return all_of(*start({"check", broker.url()}, Output::kTerminal, {{"NO_COLOR", value}}));
  };
  EXPECT_THAT(check("1"), AllOf(HasSubstr("\r\033[K  ok    tcp"), Not(HasSubstr("\033[3")),
                                Not(HasSubstr("\033[0m"))));
  EXPECT_THAT(check(""), HasSubstr("\033[32mok"));
}

TEST_F(Terminal, that_is_dumb_and_a_pipe_get_plain_text_with_the_verdict_first) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const Mosquitto broker;
  const auto plain = [&](Output output, const std::string& term) {
    return all_of(*start({"check", broker.url()}, output, {{"TERM", term}}));
  };
  for (const std::string& text :
       {plain(Output::kTerminal, "dumb"), plain(Output::kPipe, "xterm")}) {
    EXPECT_THAT(text, AllOf(StartsWith("passed: "), Not(HasSubstr(kEscape)), Not(HasSubstr("\r"))));
  }
  EXPECT_THAT(all_of(*start({"check", "--json", broker.url()}, Output::kTerminal)),
              AllOf(StartsWith("{\n"), Not(HasSubstr(kEscape))));
}

TEST_F(Terminal, shows_from_two_seconds_on_what_check_waits_for_and_a_pipe_never_does) {
  ScriptedBroker broker;  // accepts, and says nothing
  const std::vector<std::string> command = {"check", broker.endpoint().str(), "--timeout", "30s"};
  const auto piped = start(command, Output::kPipe);  // first: it waits for longer
  broker.accept();                                   // its step "tcp"
  broker.accept();
  ASSERT_EQ(broker.receive()[0], 0x10);
  const auto shown = start(command, Output::kTerminal);
  const std::string line = "\r\033[K  ....  connect ... ";
  ASSERT_TRUE(shown->wait_for_output(line)) << shown->output();
  const std::size_t first = shown->output().find(line) + line.size();
  ASSERT_TRUE(shown->wait_for_output(line, first)) << shown->output();
  const std::size_t second = shown->output().find(line, first) + line.size();
  ASSERT_TRUE(shown->wait_for_output(" s", second)) << shown->output();
  const std::string output = shown->output();
  EXPECT_GE(std::stoi(output.substr(first)), 2) << output;
  EXPECT_GT(std::stoi(output.substr(second)), std::stoi(output.substr(first))) << output;
  EXPECT_THAT(piped->output(), IsEmpty());
}

TEST_F(Terminal, wipes_away_what_was_waited_for_before_the_result) {
  const TemporaryFolder folder;
  const std::string socket = folder.path() + "/mqtt.sock";
  const auto probe =
      start({"probe", "--wait", "--timeout", "60s", "--socket", socket}, Output::kTerminal);
  ASSERT_TRUE(probe->wait_for_output("waiting for the component ... ")) << probe->output();
  const ComponentProcess component({.socket_folder = folder.path()});
  const std::string output = all_of(*probe);
  const std::size_t wiped = output.rfind(kWipe);
  ASSERT_NE(wiped, std::string::npos);
  EXPECT_THAT(output.substr(wiped), StartsWith(std::string(kWipe) + "socket"));
}

}  // namespace
}  // namespace dapr_mqtt::testing
