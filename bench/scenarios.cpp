#include "scenarios.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "system_calls.h"
#include "usage.h"

namespace dapr_mqtt::bench {
namespace {

/// What the broker lets a client have open; mosquitto's default is 20.
constexpr int kWideWindow = 1000;

std::string size_name(std::size_t bytes) {
  constexpr std::size_t kKib = 1024;
  return bytes < kKib ? std::to_string(bytes) + " B" : std::to_string(bytes / kKib) + " KiB";
}

Scenario publish(std::string name, int qos, const PublishLoad& load, const std::string& more = {}) {
  Scenario s;
  s.name = "publish-" + std::move(name);
  s.title = (load.bulk > 0 ? "Bulk publish of " + std::to_string(load.bulk) : "Publish") +
            ", QoS " + std::to_string(qos) + ", " + size_name(load.size) + ", " +
            std::to_string(load.callers) + (load.callers == 1 ? " caller" : " callers") + more;
  s.metadata = {{"qos", std::to_string(qos)}};
  s.peers = load.bulk == 0;
  s.messages = load.messages;
  s.flow = [load](Running& subject, const testing::Mosquitto&) {
    return publish_flow(subject, load);
  };
  s.grpc_floor = [load](Running& subject) {
    return measure(subject, *publish_flow(subject, load), load.messages);
  };
  s.paho_floor = [load, qos](const std::string& program, const testing::Mosquitto& broker,
                             Group group) {
    return measure_paho_publish(program, broker, qos, load, group);
  };
  return s;
}

Scenario receive(std::string name, const std::string& how, const PullLoad& load,
                 const std::string& more) {
  Scenario s;
  s.name = std::move(name);
  s.title = how + ", QoS " + std::to_string(load.qos) + ", " + size_name(load.size) + ", " +
            std::to_string(load.topics) + (load.topics == 1 ? " topic" : " topics") + more;
  s.metadata = {{"qos", std::to_string(load.qos)}};
  s.persistent_too = load.qos > 0;
  s.messages = load.messages;
  return s;
}

Scenario live(std::string name, const PullLoad& load) {
  Scenario s = receive("live-" + std::move(name), "Pull, live flow", load, {});
  s.flow = [load](Running& subject, const testing::Mosquitto& broker) {
    return live_flow(subject, broker, load);
  };
  return s;
}

Scenario backlog(std::string name, const PullLoad& load, const std::string& more = {}) {
  Scenario s = receive("backlog-" + std::move(name), "Pull of a backlog", load, more);
  s.flow = [load](Running& subject, const testing::Mosquitto& broker) {
    return backlog_flow(subject, broker, load);
  };
  if (load.topics > 1 || !more.empty()) return s;
  s.grpc_floor = [load](Running& subject) { return measure_pull_from_server(subject, load); };
  s.paho_floor = [load](const std::string& program, const testing::Mosquitto& broker, Group group) {
    return measure_paho_receive(program, broker, load, group);
  };
  return s;
}

Scenario paced(std::string name, std::string title, int messages,
               std::chrono::nanoseconds interval) {
  Scenario s;
  s.name = std::move(name);
  s.title = std::move(title);
  s.metadata = {{"qos", "1"}};
  s.persistent_too = true;
  s.messages = messages;
  s.flow = [interval](Running& subject, const testing::Mosquitto& broker) {
    return paced_flow(subject, broker, interval);
  };
  return s;
}

Scenario quickly(Scenario scenario) {
  scenario.quick = true;
  return scenario;
}

Scenario slowly(Scenario scenario) {
  scenario.slow = true;
  return scenario;
}

Scenario without_floors(Scenario scenario) {
  scenario.grpc_floor = nullptr;
  scenario.paho_floor = nullptr;
  return scenario;
}

/// What only the component does: another version of MQTT, TLS.
Scenario alone(Scenario scenario) {
  scenario.peers = false;
  return without_floors(std::move(scenario));
}

void add_publishing(std::vector<Scenario>& all, const std::function<int(int)>& times) {
  for (const int qos : {0, 1, 2}) {
    for (const int callers : {1, 16, 128}) {
      Scenario s = publish("qos" + std::to_string(qos) + "-" + std::to_string(callers), qos,
                           {.messages = times(callers == 1 ? 10'000 : 30'000), .callers = callers},
                           qos == 2 ? ", broker's window 1,000" : "");
      // mosquitto drops a client with more exchanges open than its window has.
      if (qos == 2) s.broker_window = kWideWindow;
      s.quick = qos == 1 || (qos == 2 && callers > 1);
      all.push_back(std::move(s));
    }
  }
  constexpr std::size_t k4 = 4096;
  constexpr std::size_t k64 = 65536;
  all.push_back(publish("4k", 1, {.messages = times(20'000), .callers = 16, .size = k4}));
  all.push_back(publish("64k", 1, {.messages = times(4'000), .callers = 16, .size = k64}));
  all.push_back(publish("topics", 1, {.messages = times(30'000), .callers = 16, .topics = 100},
                        ", 100 topics"));
  all.push_back(publish("bulk", 1, {.messages = times(100'000), .callers = 1, .bulk = 100}));
  all.push_back(publish("bulk-16", 1, {.messages = times(100'000), .callers = 16, .bulk = 100}));
  Scenario v5 = alone(publish("mqtt5", 1, {.messages = times(30'000), .callers = 16}, ", MQTT 5"));
  v5.metadata["protocolVersion"] = "5";
  all.push_back(std::move(v5));
  all.push_back(slowly(
      without_floors(publish("one-by-one", 1, {.messages = times(100'000)}, ", 100,000 of them"))));
}

void add_receiving(std::vector<Scenario>& all, const std::function<int(int)>& times) {
  constexpr std::size_t k4 = 4096;
  constexpr std::size_t k64 = 65536;
  all.push_back(quickly(live("qos1", {.messages = times(50'000)})));
  all.push_back(quickly(live("10-topics", {.messages = times(50'000), .topics = 10})));
  all.push_back(quickly(live("100-topics", {.messages = times(50'000), .topics = 100})));
  all.push_back(live("qos0", {.messages = times(50'000), .qos = 0}));
  all.push_back(live("qos2", {.messages = times(20'000), .qos = 2}));
  // Not QoS 0: the broker drops it where it holds the others back.
  for (const int qos : {1, 2}) {
    all.push_back(backlog("qos" + std::to_string(qos),
                          {.messages = times(qos == 2 ? 10'000 : 50'000), .qos = qos}));
  }
  all.push_back(backlog("4k", {.messages = times(20'000), .size = k4}));
  all.push_back(backlog("64k", {.messages = times(2'000), .size = k64}));
  all.push_back(backlog("10-topics", {.messages = times(50'000), .topics = 10}));
  all.push_back(backlog("100-topics", {.messages = times(50'000), .topics = 100}));
  all.push_back(backlog("window-1000", {.messages = times(50'000)}, ", broker's window 1,000"));
  all.back().broker_window = kWideWindow;
  all.push_back(alone(backlog("mqtt5", {.messages = times(50'000)}, ", MQTT 5")));
  all.back().metadata["protocolVersion"] = "5";
  all.push_back(alone(backlog("tls", {.messages = times(50'000)}, ", TLS")));
  all.back().tls = true;
}

void add_others(std::vector<Scenario>& all, const std::function<int(int)>& times) {
  using namespace std::chrono_literals;
  all.push_back(quickly(paced("latency", "Broker to app at 1,000 messages/s", times(10'000), 1ms)));
  all.push_back(slowly(paced("sparse", "Broker to app, a message every 3 s", times(20), 3s)));
  {
    Scenario s;
    s.name = "slow-app";
    s.title = "An app that acknowledges none of 200,000 messages of 1 KiB";
    s.metadata = {{"qos", "1"}};
    s.persistent_too = true;
    s.slow = true;
    s.run = [times](Running& subject, const testing::Mosquitto& broker) {
      return measure_slow_app(subject, broker, times(200'000));
    };
    all.push_back(std::move(s));
  }
  for (const int instances : {1, 100}) {
    Scenario s;
    s.name = "idle-" + std::to_string(instances);
    s.title = "Idle, " + std::to_string(instances) + (instances == 1 ? " instance" : " instances") +
              " with a subscription each";
    s.persistent_too = true;
    s.slow = true;
    s.run = [instances](Running& subject, const testing::Mosquitto& broker) {
      return measure_idle(subject, broker, instances);
    };
    all.push_back(std::move(s));
  }
}

}  // namespace

Measurement measure(Running& subject, Flow& flow, int messages) {
  constexpr int kWarmUpShare = 20;
  flow.run(std::max(messages / kWarmUpShare, 1));
  forget_peak(subject.pid());
  const Usage before = usage_of(subject.pid());
  Measurement out = flow.run(messages);
  out.merge(cost(before, usage_of(subject.pid()), messages));
  return out;
}

Measurement count_calls(Running& subject, Flow& flow, int messages) {
  const SystemCalls calls(subject.pid());
  flow.run(messages);
  return {{"calls", static_cast<double>(calls.so_far()) / messages}};
}

std::vector<Scenario> all_scenarios(double scale) {
  const auto times = [scale](int count) { return std::max(static_cast<int>(count * scale), 1); };
  std::vector<Scenario> all;
  add_publishing(all, times);
  add_receiving(all, times);
  add_others(all, times);
  return all;
}

}  // namespace dapr_mqtt::bench
