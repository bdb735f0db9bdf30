#include "floors.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <sstream>
#include <stdexcept>

#include "mqtt_source.h"
#include "support/child_process.h"
#include "usage.h"

namespace dapr_mqtt::bench {
namespace {

Measurement read_result(testing::ChildProcess& process, int messages) {
  constexpr std::chrono::minutes kPatience{3};
  process.wait_for_end(kPatience);
  const std::string output = process.final_output();
  const std::size_t at = output.find("took ");
  if (at == std::string::npos) throw std::runtime_error("floor_paho: " + output);
  std::istringstream in(output.substr(at + 5));
  double seconds = 0;
  double cpu = 0;
  in >> seconds >> cpu;
  return {{"rate", messages / seconds}, {"cpu", cpu * 1e6 / messages}};
}

}  // namespace

Measurement measure_pull_from_server(Running& subject, const PullLoad& load) {
  const Usage before = usage_of(subject.pid());
  const auto begin = std::chrono::system_clock::now();
  const Properties wanted = {{"messages", std::to_string(load.messages)},
                             {"size", std::to_string(load.size)}};
  subject.load().request({{"do", "subscribe"},
                          {"instance", Running::kInstance},
                          {"topics", {"bench/0"}},
                          {"metadata", wanted}});
  const std::chrono::duration<double> took =
      subject.load().received().wait_for(load.messages) - begin;
  Measurement out = cost(before, usage_of(subject.pid()), load.messages);
  out["rate"] = load.messages / took.count();
  return out;
}

Measurement measure_paho_publish(const std::string& program, const testing::Mosquitto& broker,
                                 int qos, const PublishLoad& load, Group group) {
  // What many callers have in flight, a component may not: mosquitto's window is 20.
  constexpr int kWindow = 20;
  const int window = load.bulk > 0 ? kWindow : std::min(load.callers, kWindow);
  testing::ChildProcess process(in_group(
      group, {program, broker.url(), "publish", std::to_string(qos), std::to_string(load.messages),
              std::to_string(load.size), std::to_string(window)}));
  return read_result(process, load.messages);
}

Measurement measure_paho_receive(const std::string& program, const testing::Mosquitto& broker,
                                 const PullLoad& load, Group group) {
  testing::ChildProcess process(
      in_group(group, {program, broker.url(), "receive", std::to_string(load.qos),
                       std::to_string(load.messages), std::to_string(load.size), "0"}));
  if (!process.wait_for_output("ready"))
    throw std::runtime_error("floor_paho: " + process.output());
  MqttSource source(broker);
  process.signal(SIGSTOP);
  const std::string payload(load.size, 'x');
  for (int i = 0; i < load.messages; ++i) source.publish("bench/0", payload, load.qos);
  source.wait();
  process.signal(SIGCONT);
  return read_result(process, load.messages);
}

}  // namespace dapr_mqtt::bench
