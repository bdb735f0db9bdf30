// Brokers that send wrong bytes, against the broker clients: nothing crashes, nothing grows, and
// a connection to another broker in the same process goes on.
//
// DAPR_MQTT_HOSTILE_STREAMS=<n> sends so many streams for each version of MQTT, however long it
// takes; SEED=<n> sends the same ones again (what a stream answers depends on the clients' timing).
#include <gmock/gmock.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>

#include "contract/broker_fixture.h"
#include "dapr_mqtt/base/worker.h"
#include "fault/hostile_broker.h"

namespace dapr_mqtt::testing {
namespace {

using core::ProtocolVersion;
using core::QoS;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMemoryIsOurs = false;  // freed memory is kept by the sanitizer
#else
constexpr bool kMemoryIsOurs = true;
#endif

constexpr std::size_t kStreams = 20'000;
constexpr std::chrono::seconds kLongest{60};
constexpr long kMostGrowthKiB = 8L * 1024;
constexpr std::size_t kClientsOfAKind = 4;
constexpr milliseconds kBetweenHealthy{50};
constexpr std::chrono::microseconds kBackoff{100};

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::stoull(text);
}

long resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    long kib = 0;
    if (word == "VmRSS:" && status >> kib) return kib;
  }
  return -1;
}

std::size_t entries_of(const char* folder) {
  const std::filesystem::directory_iterator all(folder);
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

class NoLog final : public base::Logger {
 public:
  bool enabled(base::LogLevel) const override { return false; }
  void write(base::LogLevel, std::string_view, std::string_view) override {}
};

/// What the hostile clients have seen, together.
struct Tally {
  std::atomic<std::size_t> connected{0};
  std::atomic<std::size_t> broken_protocol{0};  ///< ended by the packet filter
  std::atomic<std::size_t> other_ends{0};
  std::atomic<std::size_t> messages{0};
  std::atomic<std::size_t> asked{0};  ///< requests that must have one answer each
  std::atomic<std::size_t> answered{0};
};

class CountingListener : public core::ConnectionListener {
 public:
  explicit CountingListener(Tally& tally) : tally_(tally) {}
  void on_connected(const core::SessionFound&) override {
    ++tally_.connected;
    make_requests();
  }
  void on_disconnected(const base::Status& cause, core::ConnectionEnd) override {
    const bool broken = cause.message().find("malformed ") != std::string::npos ||
                        cause.message().find("unexpected ") != std::string::npos;
    ++(broken ? tally_.broken_protocol : tally_.other_ends);
  }

 protected:
  virtual void make_requests() = 0;
  Tally& tally_;
};

/// Publishes with each QoS as soon as it is connected.
class HostilePublisher final : public CountingListener {
 public:
  HostilePublisher(core::BrokerClientFactory& factory, core::ConnectionOptions options,
                   base::Log log, base::Worker& worker, Tally& tally)
      : CountingListener(tally),
        worker_(worker),
        publisher_(factory.make_publisher(std::move(options), *this, log)) {
    publisher_->open();
  }

 private:
  void make_requests() override {
    worker_.post([this] {
      for (const QoS qos : {QoS::kAtLeastOnce, QoS::kExactlyOnce, QoS::kAtMostOnce}) {
        ++tally_.asked;
        Tally& tally = tally_;
        const base::Status taken = publisher_->publish(
            message("t", "x", qos), [&tally](const base::Status&) { ++tally.answered; });
        if (!taken.ok()) --tally_.asked;
      }
    });
  }

  base::Worker& worker_;
  std::unique_ptr<core::BrokerPublisher> publisher_;  // last: it calls the rest
};

/// Subscribes and unsubscribes as soon as it is connected.
class HostileConsumer final : public CountingListener, private core::MessageSink {
 public:
  HostileConsumer(core::BrokerClientFactory& factory, core::ConnectionOptions options,
                  base::Log log, base::Worker& worker, Tally& tally)
      : CountingListener(tally),
        worker_(worker),
        consumer_(factory.make_consumer(std::move(options), *this, *this, nullptr, log)) {
    consumer_->open();
  }

 private:
  void make_requests() override {
    worker_.post([this] {
      Tally& tally = tally_;
      tally.asked += 2;
      consumer_->subscribe(filter("t"), {.qos = QoS::kExactlyOnce},
                           [&tally](const auto&) { ++tally.answered; });
      consumer_->unsubscribe(filter("s/#"), [&tally](const auto&) { ++tally.answered; });
    });
  }
  bool on_message(core::IncomingMessage message) noexcept override {
    if (++tally_.messages % 3 != 0) message.receipt.give();
    return true;
  }
  void commit_received() noexcept override {}

  base::Worker& worker_;
  std::unique_ptr<core::BrokerConsumer> consumer_;  // last: it calls the rest
};

/// Accepts most connections, answers a part of the requests, then sends one stream.
class Mutator final : public HostileScript {
 public:
  Mutator(ProtocolVersion protocol, std::uint64_t seed) : protocol_(protocol), seed_(seed) {}

  Act on_packet(Conversation& with, const mqtt::ClientPacket& packet) override {
    if (packet.type == 1) {
      with.streams.emplace(protocol_, seed_ + connections_++);
      if (with.streams->choices().one_in(8)) {
        return {.bytes = with.streams->bad_connack(), .last = true};
      }
      return {.bytes = with.streams->good_connack()};
    }
    if (!with.streams || with.open.empty()) return {};
    Act act;
    if (with.streams->choices().one_in(3)) {
      act.bytes = with.streams->right_answer(with.open.back());
      with.open.pop_back();
    }
    return with.requests < 2 ? act : end(with, std::move(act));
  }
  Act on_silence(Conversation& with) override {
    return with.streams ? end(with, {}) : Act{.last = true};
  }

 private:
  static Act end(Conversation& with, Act act) {
    act.bytes += with.streams->stream(with.open);
    act.last = true;
    if (with.streams->choices().one_in(4)) {
      act.first_part = with.streams->choices().below(act.bytes.size() + 1);
    }
    return act;
  }

  const ProtocolVersion protocol_;
  const std::uint64_t seed_;
  std::uint64_t connections_ = 0;
};

class HostileBrokers : public BothVersions {
 protected:
  /// A publisher and a consumer of a broker that keeps to the protocol.
  struct Healthy {
    RecordingListener sent;
    RecordingListener heard;
    RecordingSink sink;
    std::unique_ptr<core::BrokerPublisher> publisher;
    std::unique_ptr<core::BrokerConsumer> consumer;
    std::size_t messages = 0;
    steady_clock::duration slowest{};
  };

  void connect(Healthy& healthy, const Mosquitto& broker) {
    healthy.consumer = quick_->make_consumer(options(broker, "healthy-in"), healthy.heard,
                                             healthy.sink, nullptr, quiet_);
    healthy.consumer->open();
    healthy.publisher =
        quick_->make_publisher(options(broker, "healthy-out"), healthy.sent, quiet_);
    healthy.publisher->open();
    ASSERT_TRUE(healthy.heard.connected.next());
    ASSERT_TRUE(healthy.sent.connected.next());
    ASSERT_TRUE(subscribe(*healthy.consumer, "healthy", QoS::kExactlyOnce).ok());
  }
  /// One message there and back.
  static void expect_undisturbed(Healthy& healthy) {
    const auto begun = steady_clock::now();
    const std::string payload = std::to_string(healthy.messages);
    const QoS qos = healthy.messages++ % 2 == 0 ? QoS::kAtLeastOnce : QoS::kExactlyOnce;
    const base::Status status = publish(*healthy.publisher, message("healthy", payload, qos));
    ASSERT_TRUE(status.ok()) << status.message();
    const auto came = healthy.sink.messages.next();
    ASSERT_TRUE(came);
    ASSERT_EQ(came->payload, payload);
    healthy.slowest = std::max(healthy.slowest, steady_clock::now() - begun);
    ASSERT_EQ(healthy.sent.disconnected.size() + healthy.heard.disconnected.size(), 0U);
  }

  NoLog no_log_;
  base::Log quiet_{no_log_};
  std::unique_ptr<core::BrokerClientFactory> quick_ = ::dapr_mqtt::mqtt::make_paho_client_factory(
      {.backoff_initial = kBackoff, .backoff_max = kBackoff});
};

TEST_P(HostileBrokers, Crash_nothing_grow_nothing_and_leave_other_connections_alone) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const std::uint64_t seed = number_from("SEED", std::random_device{}());
  const std::size_t wanted = number_from("DAPR_MQTT_HOSTILE_STREAMS", kStreams);
  const bool bounded = std::getenv("DAPR_MQTT_HOSTILE_STREAMS") == nullptr;
  std::cout << "run it again with SEED=" << seed << std::endl;  // before a crash

  Mosquitto good({.extra_lines = {"log_type none", "log_type information"}});  // its log is kept
  Healthy healthy;
  ASSERT_NO_FATAL_FAILURE(connect(healthy, good));
  ASSERT_NO_FATAL_FAILURE(expect_undisturbed(healthy));
  const std::size_t threads_before = entries_of("/proc/self/task");
  const std::size_t descriptors_before = entries_of("/proc/self/fd");

  Tally tally;
  long early_kib = 0;
  std::size_t sent = 0;
  const auto begun = steady_clock::now();
  steady_clock::duration took{};
  {
    Mutator mutator(protocol_, seed);
    HostileBroker hostile(protocol_, mutator);
    base::Worker worker("requests");
    std::vector<std::unique_ptr<HostilePublisher>> publishers;
    std::vector<std::unique_ptr<HostileConsumer>> consumers;
    for (std::size_t i = 0; i < kClientsOfAKind; ++i) {
      auto options = options_for(tcp_at("127.0.0.1", hostile.port()), "out" + std::to_string(i));
      publishers.push_back(
          std::make_unique<HostilePublisher>(*quick_, options, quiet_, worker, tally));
      options.client_id = "in" + std::to_string(i);
      options.clean_session = i % 2 == 0;
      options.max_payload = 50'000;
      consumers.push_back(
          std::make_unique<HostileConsumer>(*quick_, options, quiet_, worker, tally));
    }
    auto next_healthy = begun;
    while ((sent = hostile.streams()) < wanted) {
      if (bounded && steady_clock::now() - begun >= kLongest) break;
      if (steady_clock::now() >= next_healthy) {
        ASSERT_NO_FATAL_FAILURE(expect_undisturbed(healthy));
        next_healthy = steady_clock::now() + kBetweenHealthy;
      }
      const bool early =
          sent >= wanted / 4 || (bounded && steady_clock::now() - begun >= kLongest / 4);
      if (early && early_kib == 0) early_kib = resident_kib();
      std::this_thread::sleep_until(next_healthy);
    }
    took = steady_clock::now() - begun;
    EXPECT_EQ(hostile.stuck(), 0U) << "clients that did not see the end of the stream";
    worker.stop();
  }
  const long late_kib = resident_kib();
  ASSERT_NO_FATAL_FAILURE(expect_undisturbed(healthy));

  const double seconds = std::chrono::duration<double>(took).count();
  std::cout << sent << " streams in " << seconds << " s, " << static_cast<double>(sent) / seconds
            << " in a second; " << tally.connected << " connections made, " << tally.broken_protocol
            << " ended as malformed or unexpected, " << tally.other_ends << " otherwise; "
            << tally.messages << " messages; resident " << early_kib << " KiB at a quarter, "
            << late_kib << " KiB at the end; " << healthy.messages
            << " healthy messages, the slowest "
            << std::chrono::duration<double, std::milli>(healthy.slowest).count() << " ms\n";
  EXPECT_GT(sent, 100U);
  EXPECT_EQ(tally.asked, tally.answered) << "each request has one answer";
  EXPECT_GT(tally.broken_protocol, sent / 10) << "hostile enough";
  EXPECT_GT(tally.other_ends, sent / 20) << "some of it is in order";
  EXPECT_GT(tally.messages, 0U);
  if (kMemoryIsOurs && early_kib > 0) {
    EXPECT_LT(late_kib - early_kib, kMostGrowthKiB);
  }
  // Threads that have ended may be there for a moment.
  const auto deadline = steady_clock::now() + std::chrono::seconds(30);
  while ((entries_of("/proc/self/task") > threads_before ||
          entries_of("/proc/self/fd") > descriptors_before) &&
         steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_LE(entries_of("/proc/self/task"), threads_before);
  EXPECT_LE(entries_of("/proc/self/fd"), descriptors_before);
}

INSTANTIATE_TEST_SUITE_P(Mqtt, HostileBrokers,
                         ::testing::Values(ProtocolVersion::kMqtt311, ProtocolVersion::kMqtt5),
                         [](const auto& each) { return version_name(each.param); });

}  // namespace
}  // namespace dapr_mqtt::testing
