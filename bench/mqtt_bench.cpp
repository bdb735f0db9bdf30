// Measures the component beside its peers and its floors; scripts/bench runs it and
// makes tables and plots of what it writes. Each round goes through all subjects in
// turn, each with a broker and a process of its own, so that what changes on the
// machine meanwhile meets them all.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "scenarios.h"

namespace {

using namespace dapr_mqtt::bench;
using dapr_mqtt::testing::Mosquitto;

constexpr const char* kGrpcFloor = "floor: gRPC alone";
constexpr const char* kPahoFloor = "floor: Paho alone";

struct Options {
  std::string component;
  std::string floor_grpc;
  std::string floor_paho;
  std::vector<std::string> peers;  // name=executable
  std::vector<std::string> only;
  std::string output = "bench.json";
  int rounds = 5;
  double scale = 1;
  bool quick = false;
};

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
  add("ours", Program::Kind::kComponent, options.component, "true");
  if (scenario.persistent_too) {
    add("ours, durable", Program::Kind::kComponent, options.component, "false");
  }
  if (!scenario.peers) return all;
  for (const std::string& peer : options.peers) {
    const std::size_t equals = peer.find('=');
    add(peer.substr(0, equals), Program::Kind::kServer, peer.substr(equals + 1), "true");
  }
  return all;
}

Measurement run_subject(const Scenario& scenario, const Subject& subject) {
  const Mosquitto broker({.max_inflight_messages = scenario.broker_window});
  Running running(subject, broker.url(), scenario.metadata);
  return scenario.run(running, broker);
}

Measurement run_grpc_floor(const Scenario& scenario, const std::string& program) {
  Subject subject;
  subject.name = kGrpcFloor;
  subject.program.executable = program;
  Running running(subject, "", {});
  return scenario.grpc_floor(running);
}

void note(nlohmann::json& results, const std::string& subject, const auto& run) {
  try {
    const Measurement measured = run();
    results[subject].push_back(measured);
    std::printf("    %-18s", subject.c_str());
    for (const auto& [name, value] : measured) std::printf(" %s=%.4g", name.c_str(), value);
    std::printf("\n");
  } catch (const std::exception& e) {
    std::printf("    %-18s failed: %s\n", subject.c_str(), e.what());
  }
  std::fflush(stdout);
}

nlohmann::json run_scenario(const Scenario& scenario, const Options& options) {
  nlohmann::json results = nlohmann::json::object();
  for (int round = 0; round < options.rounds; ++round) {
    std::printf("%s, round %d of %d\n", scenario.name.c_str(), round + 1, options.rounds);
    for (const Subject& subject : subjects_of(scenario, options)) {
      note(results, subject.name, [&] { return run_subject(scenario, subject); });
    }
    if (scenario.grpc_floor && !options.floor_grpc.empty()) {
      note(results, kGrpcFloor,
           [&] { return run_grpc_floor(scenario, options.floor_grpc); });
    }
    if (scenario.paho_floor && !options.floor_paho.empty()) {
      note(results, kPahoFloor, [&] {
        const Mosquitto broker({.max_inflight_messages = scenario.broker_window});
        return scenario.paho_floor(options.floor_paho, broker);
      });
    }
  }
  return {{"name", scenario.name}, {"title", scenario.title}, {"results", results}};
}

bool wanted(const Scenario& scenario, const Options& options) {
  if (options.only.empty()) return !scenario.slow || !options.quick;
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
  app.add_option("--peer", options.peers, "NAME=EXECUTABLE that takes a socket's path");
  app.add_option("--floor-grpc", options.floor_grpc, "The program floor_grpc");
  app.add_option("--floor-paho", options.floor_paho, "The program floor_paho");
  app.add_option("--only", options.only, "Scenarios whose names contain this");
  app.add_option("--rounds", options.rounds, "Rounds (default 5)");
  app.add_option("--scale", options.scale, "Multiplies the numbers of messages");
  app.add_option("--output", options.output, "Where the figures go (JSON)");
  app.add_flag("--quick", options.quick, "Without what takes a minute for each subject");
  CLI11_PARSE(app, argc, argv);

  nlohmann::json all = nlohmann::json::array();
  for (const Scenario& scenario : all_scenarios(options.scale)) {
    if (!wanted(scenario, options)) continue;
    all.push_back(run_scenario(scenario, options));
    // After each, so that an interrupted run leaves what it has.
    std::ofstream(options.output) << all.dump(1) << "\n";
  }
  return all.empty() ? 1 : 0;
}
