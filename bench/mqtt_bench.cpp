// Measures the component beside its peers and its floors; scripts/bench runs it and
// makes tables and plots of what it writes. Each round goes through all subjects in
// turn, in both scheduling groups, each with a broker and a process of its own, so that
// what changes on the machine meanwhile meets them all.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "mqtt_source.h"
#include "scenarios.h"
#include "system_calls.h"

namespace {

using namespace dapr_mqtt::bench;
using dapr_mqtt::testing::Mosquitto;

constexpr const char* kGrpcFloor = "floor: gRPC alone";
constexpr const char* kPahoFloor = "floor: Paho alone";

struct Options {
  std::string component;
  std::string load;
  std::string before;
  std::string floor_grpc;
  std::string floor_paho;
  std::vector<std::string> peers;  // name=executable
  std::vector<std::string> only;
  std::vector<std::string> groups = {"own", "shared"};
  std::string output = "bench.json";
  int rounds = 5;
  double scale = 1;
  bool quick = false;
};

/// Subjects' figures, one for each round; by subject.
using Results = nlohmann::json;

std::vector<Subject> subjects_of(const Scenario& scenario, const Options& options) {
  std::vector<Subject> all;
  const auto add = [&](std::string name, Program::Kind kind, std::string executable,
                       const char* clean) {
    Subject& subject = all.emplace_back();
    subject.name = std::move(name);
    subject.program.kind = kind;
    subject.program.executable = std::move(executable);
    subject.metadata.emplace("cleanSession", clean);
  };
  const auto add_component = [&](const std::string& name, const std::string& executable) {
    add(name, Program::Kind::kComponent, executable, "true");
    if (scenario.persistent_too) {
      add(name + ", persistent", Program::Kind::kComponent, executable, "false");
    }
  };
  add_component("ours", options.component);
  if (!options.before.empty()) add_component("before", options.before);
  if (!scenario.peers) return all;
  for (const std::string& peer : options.peers) {
    const std::size_t equals = peer.find('=');
    add(peer.substr(0, equals), Program::Kind::kServer, peer.substr(equals + 1), "true");
  }
  return all;
}

dapr_mqtt::testing::MosquittoOptions broker_options(const Scenario& scenario) {
  dapr_mqtt::testing::MosquittoOptions options;
  options.max_inflight_messages = scenario.broker_window;
  // Not each packet, as tests want it.
  options.extra_lines = {"log_type none", "log_type information", "log_type error"};
  return options;
}

Measurement run_subject(const Scenario& scenario, const Subject& subject, Group group,
                        const std::string& load, bool calls) {
  dapr_mqtt::testing::MosquittoOptions options = broker_options(scenario);
  Properties metadata = scenario.metadata;
  if (scenario.tls) {
    static const dapr_mqtt::testing::CertificateAuthority ca;
    options.ca_pem = ca.pem();
    options.server = ca.server();
    // Whoever publishes takes this one (MqttSource).
    options.extra_lines.push_back("listener 0 " + MqttSource::socket_path());
    metadata["caCert"] = ca.pem();
  }
  const Mosquitto broker(options);
  Running running(subject, group, load, broker.url(), metadata);
  if (!scenario.flow) return scenario.run(running, broker);
  const std::unique_ptr<Flow> flow = scenario.flow(running, broker);
  Measurement measured = measure(running, *flow, scenario.messages);
  constexpr int kCallsShare = 5;
  if (calls) {
    measured.merge(count_calls(running, *flow, std::max(scenario.messages / kCallsShare, 1)));
  }
  return measured;
}

Measurement run_grpc_floor(const Scenario& scenario, Group group, const Options& options) {
  Subject subject;
  subject.name = kGrpcFloor;
  subject.program.executable = options.floor_grpc;
  Running running(subject, group, options.load, "", {});
  return scenario.grpc_floor(running);
}

void note(Results& results, const std::string& subject, const auto& run) {
  try {
    const Measurement measured = run();
    results[subject].push_back(measured);
    std::printf("    %-18s", subject.c_str());
    for (const auto& [name, value] : measured) {
      const bool of_thread = name.find(' ') != std::string::npos;  // for the report
      if (!of_thread) std::printf(" %s=%.4g", name.c_str(), value);
    }
    std::printf("\n");
  } catch (const std::exception& e) {
    results[subject].push_back(nlohmann::json::object());  // rounds stay side by side
    std::printf("    %-18s failed: %s\n", subject.c_str(), e.what());
  }
  std::fflush(stdout);
}

void run_round(const Scenario& scenario, Group group, const Options& options, bool calls,
               Results& results) {
  for (const Subject& subject : subjects_of(scenario, options)) {
    note(results, subject.name,
         [&] { return run_subject(scenario, subject, group, options.load, calls); });
  }
  if (scenario.grpc_floor && !options.floor_grpc.empty()) {
    note(results, kGrpcFloor, [&] { return run_grpc_floor(scenario, group, options); });
  }
  if (scenario.paho_floor && !options.floor_paho.empty()) {
    note(results, kPahoFloor, [&] {
      const Mosquitto broker(broker_options(scenario));
      return scenario.paho_floor(options.floor_paho, broker, group);
    });
  }
}

std::vector<Group> groups_of(const Scenario& scenario, const Options& options) {
  std::vector<Group> groups;
  for (const std::string& name : options.groups) {
    groups.push_back(name == name_of(Group::kOwn) ? Group::kOwn : Group::kShared);
  }
  if (!scenario.flow) groups = {Group::kShared};
  return groups;
}

/// An entry for each scheduling group.
nlohmann::json run_scenario(const Scenario& scenario, const Options& options) {
  const std::vector<Group> groups = groups_of(scenario, options);
  const bool can_count = !dapr_mqtt::bench::SystemCalls::why_unavailable();
  std::map<Group, Results> results;
  for (int round = 0; round < options.rounds; ++round) {
    const bool last = round + 1 == options.rounds;
    for (const Group group : groups) {
      std::printf("%s, scheduling group %s, round %d of %d\n", scenario.name.c_str(),
                  name_of(group), round + 1, options.rounds);
      run_round(scenario, group, options, last && can_count, results[group]);
    }
  }
  nlohmann::json entries = nlohmann::json::array();
  for (const Group group : groups) {
    entries.push_back({{"name", scenario.name},
                       {"title", scenario.title},
                       {"group", name_of(group)},
                       {"results", results[group]}});
  }
  return entries;
}

bool wanted(const Scenario& scenario, const Options& options) {
  if (options.only.empty()) return scenario.quick || !options.quick;
  for (const std::string& part : options.only) {
    if (scenario.name.find(part) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Benchmarks of the MQTT component beside its peers");
  app.add_option("component", options.component, "The component's executable")->required();
  app.add_option("--load", options.load, "The program tests/bench/load")->required();
  app.add_option("--before", options.before, "Another build of the component, measured in turn");
  app.add_option("--peer", options.peers, "NAME=EXECUTABLE that takes a socket's path");
  app.add_option("--floor-grpc", options.floor_grpc, "The program floor_grpc");
  app.add_option("--floor-paho", options.floor_paho, "The program floor_paho");
  app.add_option("--only", options.only, "Scenarios whose names contain this");
  app.add_option("--groups", options.groups, "Scheduling groups of the subject (both)")
      ->check(CLI::IsMember({"own", "shared"}));
  app.add_option("--rounds", options.rounds, "Rounds (default 5)");
  app.add_option("--scale", options.scale, "Multiplies the numbers of messages");
  app.add_option("--output", options.output, "Where the figures go (JSON)");
  app.add_flag("--quick", options.quick, "Live flow, publishing and latency alone");
  CLI11_PARSE(app, argc, argv);
  std::signal(SIGPIPE, SIG_IGN);  // of a load generator that has ended

  nlohmann::json notes = nlohmann::json::array();
  if (const auto reason = why_no_groups()) {
    notes.push_back("A scheduling group of its own cannot be had here: " + *reason + ".");
  }
  if (const auto reason = dapr_mqtt::bench::SystemCalls::why_unavailable()) {
    notes.push_back("System calls cannot be counted here: " + *reason + ".");
  }
  for (const auto& text : notes) std::printf("%s\n", text.get<std::string>().c_str());
  nlohmann::json all = nlohmann::json::array();
  for (const Scenario& scenario : all_scenarios(options.scale)) {
    if (!wanted(scenario, options)) continue;
    for (auto& entry : run_scenario(scenario, options)) all.push_back(std::move(entry));
    // After each, so that an interrupted run leaves what it has.
    const nlohmann::json whole = {{"notes", notes}, {"rounds", options.rounds}, {"scenarios", all}};
    std::ofstream(options.output) << whole.dump(1) << "\n";
  }
  return all.empty() ? 1 : 0;
}
