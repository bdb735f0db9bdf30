#include "pull_load.h"

#include <chrono>
#include <csignal>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "mqtt_source.h"
#include "usage.h"

namespace dapr_mqtt::bench {
namespace {

std::string topic_name(int number) { return "bench/" + std::to_string(number); }

std::vector<std::string> topic_names(int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back(topic_name(i));
  return names;
}

void subscribe(Running& subject, const std::string& instance,
               const std::vector<std::string>& topics, const nlohmann::json& more = {}) {
  nlohmann::json request = {{"do", "subscribe"}, {"instance", instance}, {"topics", topics}};
  if (!more.is_null()) request.update(more);
  subject.load().request(request);
}

/// Publishes until a message came through: the subscription is in force. Returns when
/// what was published for that is through.
void warm_up(MqttSource& source, const std::string& topic, MessageCounter& counter) {
  constexpr std::chrono::milliseconds kTry{200};
  const long before = counter.count();
  do {
    source.publish(topic, "warm up", 1);
  } while (!counter.wait_for(before + 1, kTry));
  while (counter.wait_for(counter.count() + 1, kTry)) {
  }
}

/// What those that receive have in common: the publisher, the streams, the count.
class Receiving : public Flow {
 public:
  Receiving(Running& subject, const testing::Mosquitto& broker, const PullLoad& load,
            const nlohmann::json& more = {})
      : subject_(subject), load_(load), payload_(load.size, 'x'), source_(broker) {
    subscribe(subject, Running::kInstance, topic_names(load.topics), more);
    warm_up(source_, topic_name(0), counter());
    if (load.topics > 1) warm_up(source_, topic_name(load.topics - 1), counter());
  }

 protected:
  MessageCounter& counter() { return subject_.load().received(); }
  void publish(int number) {
    source_.publish(topic_name(number % load_.topics), payload_, load_.qos);
  }

  Running& subject_;
  const PullLoad load_;
  std::string payload_;
  MqttSource source_;
};

using Clock = std::chrono::system_clock;  // the load's, too

Measurement rate(int messages, Clock::time_point begin, Clock::time_point end) {
  return {{"rate", messages / std::chrono::duration<double>(end - begin).count()}};
}

class LiveFlow final : public Receiving {
 public:
  using Receiving::Receiving;

  Measurement run(int messages) override {
    constexpr long kAhead = 1000;
    const long before = counter().count();
    const auto begin = Clock::now();
    for (int i = 0; i < messages; ++i) {
      counter().wait_for(before + i - kAhead);
      publish(i);
    }
    return rate(messages, begin, counter().wait_for(before + messages));
  }
};

class BacklogFlow final : public Receiving {
 public:
  using Receiving::Receiving;

  Measurement run(int messages) override {
    const long before = counter().count();
    ::kill(subject_.pid(), SIGSTOP);
    for (int i = 0; i < messages; ++i) publish(i);
    source_.wait();
    ::kill(subject_.pid(), SIGCONT);
    const auto begin = Clock::now();
    return rate(messages, begin, counter().wait_for(before + messages));
  }
};

class PacedFlow final : public Receiving {
 public:
  PacedFlow(Running& subject, const testing::Mosquitto& broker, std::chrono::nanoseconds interval)
      : Receiving(subject, broker, {}, {{"timed", true}}), interval_(interval) {}

  Measurement run(int messages) override {
    const long before = counter().count();
    auto due = Clock::now();
    for (int i = 0; i < messages; ++i) {
      due += interval_;
      std::this_thread::sleep_until(due);  // the load's own clock: no event tells it
      const std::int64_t since = due.time_since_epoch() / std::chrono::nanoseconds(1);
      std::memcpy(payload_.data(), &since, sizeof since);
      publish(0);
    }
    counter().wait_for(before + messages);
    return subject_.load().request({{"do", "latencies"}});
  }

 private:
  const std::chrono::nanoseconds interval_;
};

}  // namespace

std::unique_ptr<Flow> live_flow(Running& subject, const testing::Mosquitto& broker,
                                const PullLoad& load) {
  return std::make_unique<LiveFlow>(subject, broker, load);
}

std::unique_ptr<Flow> backlog_flow(Running& subject, const testing::Mosquitto& broker,
                                   const PullLoad& load) {
  return std::make_unique<BacklogFlow>(subject, broker, load);
}

std::unique_ptr<Flow> paced_flow(Running& subject, const testing::Mosquitto& broker,
                                 std::chrono::nanoseconds interval) {
  return std::make_unique<PacedFlow>(subject, broker, interval);
}

Measurement measure_slow_app(Running& subject, const testing::Mosquitto& broker, int messages) {
  MqttSource source(broker);
  subscribe(subject, Running::kInstance, topic_names(1), {{"hold", true}});
  warm_up(source, topic_name(0), subject.load().received());
  const std::string payload(1024, 'x');
  for (int i = 0; i < messages; ++i) source.publish(topic_name(0), payload, 1);
  source.wait();
  // How much the subject takes before it stops is its own affair, and nothing tells
  // when it has: it is looked at until its peak has not grown for two seconds.
  double peak = 0;
  for (double seen = -1; seen < peak;) {
    seen = peak;
    std::this_thread::sleep_for(std::chrono::seconds(2));
    peak = usage_of(subject.pid()).peak_mib;
  }
  return {{"peak", peak}};
}

Measurement measure_idle(Running& subject, const testing::Mosquitto& broker, int instances) {
  MqttSource source(broker);
  for (int i = 0; i < instances; ++i) {
    std::string name = Running::kInstance;
    if (i > 0) {
      name = subject.add_instance({{"consumerID", "bench-" + std::to_string(i)}});
    }
    subscribe(subject, name, {topic_name(i)});
    warm_up(source, topic_name(i), subject.load().received());
  }
  constexpr std::chrono::seconds kSettle{3};
  constexpr std::chrono::seconds kWatch{10};
  std::this_thread::sleep_for(kSettle);  // what is measured is time in which nothing happens
  const Usage before = usage_of(subject.pid());
  std::this_thread::sleep_for(kWatch);
  const Usage after = usage_of(subject.pid());
  return {
      {"memory", after.memory_mib},
      {"wakeups", static_cast<double>(switches_between(before, after).voluntary) / kWatch.count()}};
}

}  // namespace dapr_mqtt::bench
