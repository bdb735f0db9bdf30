// What it costs to pull messages: pull_bench <component> [peer] [messages] [rounds].
// Each round pulls the messages (256 B, QoS 1, each acknowledged before the next is
// read) through a clean session, a persistent one, and the peer (clean), in turn,
// each with a broker and processes of its own. The component is stopped (SIGSTOP)
// until all are queued at the broker, so that whoever publishes takes no part. Prints
// messages a second, and the component's CPU seconds for a million messages and peak
// memory: medians, and each as a ratio to the peer's, or else to the clean session's.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "support/component_client.h"
#include "support/component_process.h"
#include "support/mosquitto.h"

namespace {

using namespace dapr_mqtt::testing;
using Clock = std::chrono::steady_clock;

struct Result {
  double rate = 0;
  double cpu_per_million = 0;
  double peak_mib = 0;
};

double cpu_seconds(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string skipped;
  std::getline(file, skipped, ')');
  double ticks = 0;
  for (int field = 3; field <= 15 && file >> skipped; ++field) {
    if (field >= 14) ticks += std::stod(skipped);  // utime, stime
  }
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double peak_mib(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string word; status >> word;) {
    long kib = 0;
    if (word == "VmHWM:" && status >> kib) return static_cast<double>(kib) / 1024;
  }
  return 0;
}

void publish_all(ComponentClient& source, int messages) {
  constexpr int kBulk = 500;
  for (int sent = 0; sent < messages; sent += kBulk) {
    dapr_mqtt::testing::wire::BulkPublishRequest request;
    request.set_topic("t");
    for (int i = 0; i < kBulk; ++i) {
      auto* entry = request.add_entries();
      entry->set_entry_id(std::to_string(i));
      entry->set_event(std::string(256, 'x'));
    }
    if (!source.bulk_publish(request, std::chrono::minutes(1)).status.ok()) {
      std::fputs("publishing failed\n", stderr);
      std::exit(1);
    }
  }
}

Result pull(const std::string& address, pid_t pid, const std::string& url, bool clean,
            int messages) {
  ComponentClient client(address);
  const Properties metadata{{"url", url},
                            {"consumerID", "bench"},
                            {"qos", "1"},
                            {"cleanSession", clean ? "true" : "false"}};
  if (const grpc::Status status = client.init(metadata); !status.ok()) {
    std::fprintf(stderr, "init: %s\n", status.error_message().c_str());
    std::exit(1);
  }
  ComponentProcess source_process({.arguments = {"--log-level", "info"}});
  ComponentClient source(source_process.address());
  if (!source.init({{"url", url}, {"consumerID", "source"}, {"qos", "1"}}).ok()) std::exit(1);
  const auto stream = client.pull("t");
  // Its subscription is in force when the first message is through.
  while (true) {
    if (!source.publish("t", "warm up").ok()) std::exit(1);
    if (const auto message = stream->next(std::chrono::milliseconds(300))) {
      stream->ack(message->id());
      break;
    }
  }
  while (const auto message = stream->next(std::chrono::milliseconds(300))) {
    stream->ack(message->id());
  }
  const double cpu_before = cpu_seconds(pid);
  ::kill(pid, SIGSTOP);
  publish_all(source, messages);
  ::kill(pid, SIGCONT);
  const auto begin = Clock::now();
  for (int i = 0; i < messages; ++i) {
    const auto message = stream->next();
    if (!message) {
      std::fprintf(stderr, "%d of %d messages came\n", i, messages);
      std::exit(1);
    }
    stream->ack(message->id());
  }
  const std::chrono::duration<double> took = Clock::now() - begin;
  Result result;
  result.rate = messages / took.count();
  result.cpu_per_million = (cpu_seconds(pid) - cpu_before) * 1e6 / messages;
  result.peak_mib = peak_mib(pid);
  return result;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: pull_bench <component> [peer or -] [messages] [rounds]\n", stderr);
    return 2;
  }
  const std::string peer = argc > 2 && std::string(argv[2]) != "-" ? argv[2] : "";
  const int messages = argc > 3 ? std::atoi(argv[3]) : 50'000;
  const int rounds = argc > 4 ? std::atoi(argv[4]) : 5;
  std::map<std::string, std::vector<Result>> results;
  for (int round = 0; round < rounds; ++round) {
    for (const char* session : {"clean", "persistent"}) {
      const Mosquitto broker;
      ComponentProcess component(
          {.arguments = {"--log-level", "info"}, .executable = std::string(argv[1])});
      results[session].push_back(pull(component.address(), component.process().pid(), broker.url(),
                                      session == std::string("clean"), messages));
    }
    if (peer.empty()) continue;
    const Mosquitto broker;
    const TemporaryFolder folder;
    const std::string socket = folder.path() + "/peer.sock";
    ChildProcess process({peer, socket}, {});
    if (!process.wait_for_output("serving")) return 1;
    results["peer"].push_back(
        pull("unix:" + socket, process.pid(), broker.url(), true, messages));
  }
  const auto of = [&](const std::string& name, double Result::*what) {
    std::vector<double> values;
    for (const Result& r : results.at(name)) values.push_back(r.*what);
    return median(values);
  };
  const std::string base = peer.empty() ? "clean" : "peer";
  std::printf("%d messages of 256 B, QoS 1, median of %d rounds; ratios to %s\n", messages, rounds,
              base.c_str());
  std::printf("%-11s %12s %7s %16s %7s %10s\n", "", "messages/s", "", "CPU s/million", "",
              "peak MiB");
  for (const auto& [name, unused] : results) {
    const double rate = of(name, &Result::rate);
    const double cpu = of(name, &Result::cpu_per_million);
    std::printf("%-11s %12.0f %6.2fx %16.1f %6.2fx %10.1f\n", name.c_str(), rate,
                rate / of(base, &Result::rate), cpu, cpu / of(base, &Result::cpu_per_million),
                of(name, &Result::peak_mib));
  }
  return 0;
}
