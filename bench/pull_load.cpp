#include "pull_load.h"

#include <chrono>
#include <csignal>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "message_counter.h"
#include "mqtt_source.h"
#include "usage.h"

namespace dapr_mqtt::bench {
namespace {

using Clock = std::chrono::steady_clock;
using testing::wire::PullMessagesResponse;
constexpr const char* kHost = "127.0.0.1";

std::string topic_name(int number) { return "bench/" + std::to_string(number); }

/// Publishes until a message came through: the subscription is in force, and all is
/// warm. Returns when what was published for that is through.
void warm_up(MqttSource& source, const std::string& topic, MessageCounter& counter, long& expected) {
  constexpr std::chrono::milliseconds kTry{200};
  const long before = counter.count();
  do {
    source.publish(topic, "warm up", 1);
  } while (!counter.wait_for(before + 1, kTry));
  while (counter.wait_for(counter.count() + 1, kTry)) {
  }
  expected = counter.count();
}

}  // namespace

Measurement measure_pull(Running& subject, const testing::Mosquitto& broker,
                         const PullLoad& load) {
  MqttSource source(kHost, broker.port());
  MessageCounter counter;
  std::vector<std::unique_ptr<PullClient>> streams;
  long expected = 0;
  for (int i = 0; i < load.topics; ++i) {
    streams.push_back(std::make_unique<PullClient>(
        subject.client(), topic_name(i), load.acks,
        [&](const PullMessagesResponse&) { counter.add(); }));
  }
  for (int i = 0; i < load.topics; ++i) {
    if (i == 0 || i + 1 == load.topics) warm_up(source, topic_name(i), counter, expected);
  }
  forget_peak(subject.pid());
  const Usage before = usage_of(subject.pid());
  ::kill(subject.pid(), SIGSTOP);
  const std::string payload(load.size, 'x');
  for (int i = 0; i < load.messages; ++i) {
    source.publish(topic_name(i % load.topics), payload, load.qos);
  }
  source.wait();
  ::kill(subject.pid(), SIGCONT);
  const auto begin = Clock::now();
  counter.wait_for(expected + load.messages);
  const std::chrono::duration<double> took = Clock::now() - begin;
  Measurement out = cost(before, usage_of(subject.pid()), load.messages);
  out["rate"] = load.messages / took.count();
  return out;
}

Measurement measure_latency(Running& subject, const testing::Mosquitto& broker, int messages,
                            std::chrono::nanoseconds interval) {
  MqttSource source(kHost, broker.port());
  MessageCounter counter;
  std::vector<std::int64_t> took;
  took.reserve(static_cast<std::size_t>(messages));
  constexpr std::size_t kSize = 256;
  PullClient stream(subject.client(), topic_name(0), Acks::kSequential,
                    [&](const PullMessagesResponse& message) {
                      if (message.data().size() == kSize) {
                        std::int64_t due = 0;
                        std::memcpy(&due, message.data().data(), sizeof due);
                        took.push_back(Clock::now().time_since_epoch().count() - due);
                      }
                      counter.add();
                    });
  long expected = 0;
  warm_up(source, topic_name(0), counter, expected);
  const Usage before = usage_of(subject.pid());
  std::string payload(kSize, 'x');
  auto due = Clock::now();
  for (int i = 0; i < messages; ++i) {
    due += interval;
    std::this_thread::sleep_until(due);  // the load's own clock: no event tells it
    const std::int64_t since = due.time_since_epoch().count();
    std::memcpy(payload.data(), &since, sizeof since);
    source.publish(topic_name(0), payload, 1);
  }
  counter.wait_for(expected + messages);
  Measurement out = cost(before, usage_of(subject.pid()), messages);
  add_quantiles(took, out);
  return out;
}

Measurement measure_slow_app(Running& subject, const testing::Mosquitto& broker, int messages) {
  MqttSource source(kHost, broker.port());
  MessageCounter counter;
  PullClient stream(subject.client(), topic_name(0), Acks::kNone,
                    [&](const PullMessagesResponse&) { counter.add(); });
  long expected = 0;
  warm_up(source, topic_name(0), counter, expected);
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
  MqttSource source(kHost, broker.port());
  MessageCounter counter;
  PullClient stream(subject.client(), topic_name(0), Acks::kSequential,
                    [&](const PullMessagesResponse&) { counter.add(); });
  long expected = 0;
  warm_up(source, topic_name(0), counter, expected);
  std::vector<std::unique_ptr<PullClient>> more;
  for (int i = 1; i < instances; ++i) {
    auto& client = subject.add_instance({{"consumerID", "bench-" + std::to_string(i)}});
    more.push_back(std::make_unique<PullClient>(
        client, topic_name(i), Acks::kSequential,
        [&counter](const PullMessagesResponse&) { counter.add(); }));
    warm_up(source, topic_name(i), counter, expected);
  }
  constexpr std::chrono::seconds kSettle{3};
  constexpr std::chrono::seconds kWatch{10};
  std::this_thread::sleep_for(kSettle);  // what is measured is time in which nothing happens
  const Usage before = usage_of(subject.pid());
  std::this_thread::sleep_for(kWatch);
  const Usage after = usage_of(subject.pid());
  return {{"memory", after.memory_mib},
          {"wakeups", static_cast<double>(after.wakeups - before.wakeups) / kWatch.count()}};
}

}  // namespace dapr_mqtt::bench
