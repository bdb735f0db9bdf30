#include "scenarios.h"

#include <chrono>
#include <utility>

namespace dapr_mqtt::bench {
namespace {

std::string size_name(std::size_t bytes) {
  constexpr std::size_t kKib = 1024;
  return bytes < kKib ? std::to_string(bytes) + " B" : std::to_string(bytes / kKib) + " KiB";
}

Scenario publish(std::string name, int qos, const PublishLoad& load,
                 const std::string& more = {}) {
  Scenario s;
  s.name = "publish-" + std::move(name);
  s.title = (load.bulk > 0 ? "Bulk publish of " + std::to_string(load.bulk) : "Publish") +
            ", QoS " + std::to_string(qos) + ", " + size_name(load.size) + ", " +
            std::to_string(load.callers) + (load.callers == 1 ? " caller" : " callers") + more;
  s.metadata = {{"qos", std::to_string(qos)}};
  s.peers = load.bulk == 0;
  s.run = [load](Running& subject, const testing::Mosquitto&) {
    return measure_publish(subject, load);
  };
  s.grpc_floor = [load](Running& subject) { return measure_publish(subject, load); };
  s.paho_floor = [load, qos](const std::string& program, const testing::Mosquitto& broker) {
    return measure_paho_publish(program, broker, qos, load);
  };
  return s;
}

Scenario pull(std::string name, const PullLoad& load, const std::string& more = {}) {
  Scenario s;
  s.name = "pull-" + std::move(name);
  s.title = "Pull, QoS " + std::to_string(load.qos) + ", " + size_name(load.size) + ", " +
            std::to_string(load.topics) + (load.topics == 1 ? " topic, " : " topics, ") +
            (load.acks == Acks::kSequential ? "sequential" : "parallel") +
            " acknowledgements" + more;
  s.metadata = {{"qos", std::to_string(load.qos)}};
  s.persistent_too = load.qos > 0;
  s.run = [load](Running& subject, const testing::Mosquitto& broker) {
    return measure_pull(subject, broker, load);
  };
  if (load.topics > 1) return s;
  s.grpc_floor = [load](Running& subject) { return measure_pull_from_server(subject, load); };
  s.paho_floor = [load](const std::string& program, const testing::Mosquitto& broker) {
    return measure_paho_receive(program, broker, load);
  };
  return s;
}

Scenario latency(std::string name, std::string title, int messages,
                 std::chrono::nanoseconds interval) {
  Scenario s;
  s.name = std::move(name);
  s.title = std::move(title);
  s.metadata = {{"qos", "1"}};
  s.persistent_too = true;
  s.run = [messages, interval](Running& subject, const testing::Mosquitto& broker) {
    return measure_latency(subject, broker, messages, interval);
  };
  return s;
}

}  // namespace

std::vector<Scenario> all_scenarios(double scale) {
  using namespace std::chrono_literals;
  const auto times = [scale](int count) { return static_cast<int>(count * scale); };
  constexpr std::size_t k4 = 4096;
  constexpr std::size_t k64 = 65536;
  std::vector<Scenario> all;
  for (const int qos : {0, 1, 2}) {
    for (const int callers : {1, 16, 128}) {
      all.push_back(publish("qos" + std::to_string(qos) + "-" + std::to_string(callers), qos,
                            {.messages = times(callers == 1 ? 10'000 : 30'000),
                             .callers = callers}));
    }
  }
  all.push_back(publish("4k", 1, {.messages = times(20'000), .callers = 16, .size = k4}));
  all.push_back(publish("64k", 1, {.messages = times(4'000), .callers = 16, .size = k64}));
  all.push_back(publish("topics", 1, {.messages = times(30'000), .callers = 16, .topics = 100},
                        ", 100 topics"));
  all.push_back(publish("bulk", 1, {.messages = times(100'000), .callers = 1, .bulk = 100}));
  all.push_back(publish("bulk-16", 1, {.messages = times(100'000), .callers = 16, .bulk = 100}));
  {
    Scenario v5 = publish("mqtt5", 1, {.messages = times(30'000), .callers = 16}, ", MQTT 5");
    v5.metadata["protocolVersion"] = "5";
    v5.peers = false;
    v5.paho_floor = nullptr;
    all.push_back(std::move(v5));
  }
  {
    Scenario one = publish("one-by-one", 1, {.messages = times(100'000)}, ", 100,000 of them");
    one.slow = true;
    one.grpc_floor = nullptr;
    one.paho_floor = nullptr;
    all.push_back(std::move(one));
  }
  // Not QoS 0: the broker drops it where it holds the others back.
  for (const int qos : {1, 2}) {
    all.push_back(pull("qos" + std::to_string(qos),
                       {.messages = times(qos == 2 ? 10'000 : 50'000), .qos = qos}));
  }
  all.push_back(pull("parallel", {.messages = times(50'000), .acks = Acks::kParallel}));
  all.push_back(pull("4k", {.messages = times(20'000), .size = k4}));
  all.push_back(pull("64k", {.messages = times(2'000), .size = k64}));
  all.push_back(pull("10-topics", {.messages = times(50'000), .topics = 10}));
  all.push_back(pull("100-topics", {.messages = times(50'000), .topics = 100}));
  {
    Scenario wide = pull("window-1000", {.messages = times(50'000)}, ", broker's window 1,000");
    constexpr int kWide = 1000;
    wide.broker_window = kWide;
    wide.grpc_floor = nullptr;
    wide.paho_floor = nullptr;
    all.push_back(std::move(wide));
  }
  {
    Scenario v5 = pull("mqtt5", {.messages = times(50'000)}, ", MQTT 5");
    v5.metadata["protocolVersion"] = "5";
    v5.peers = false;
    v5.grpc_floor = nullptr;
    v5.paho_floor = nullptr;
    all.push_back(std::move(v5));
  }
  all.push_back(latency("latency", "Publish to app at 1,000 messages/s", times(10'000), 1ms));
  all.push_back(latency("sparse", "Publish to app, a message every 3 s", times(20), 3s));
  all.back().slow = true;
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
    s.title = "Idle, " + std::to_string(instances) +
              (instances == 1 ? " instance" : " instances") + " with a subscription each";
    s.persistent_too = true;
    s.slow = true;
    s.run = [instances](Running& subject, const testing::Mosquitto& broker) {
      return measure_idle(subject, broker, instances);
    };
    all.push_back(std::move(s));
  }
  return all;
}

}  // namespace dapr_mqtt::bench
