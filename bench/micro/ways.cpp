// Sends messages one of the two ways, for callgrind to count (tests/instructions):
//   instruction_ways <way> [size]   prints how many messages are counted
//   instruction_ways key            what the counts depend on, for the baseline
// Only what runs inside dapr_mqtt_counted() counts.
#include <gnu/libc-version.h>
#include <sqlite3.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <stdexcept>

#include "dapr_mqtt/events/event_maker.h"
#include "micro/counted.h"
#include "micro/ways.h"

namespace dapr_mqtt::bench {
namespace {

using Mode = core::CloudEventsMode;
using Way = std::function<std::size_t(std::size_t size)>;

/// As many callers, or messages in hand, at a time.
constexpr std::size_t kLot = 16;
constexpr std::size_t kCounted = 4'000;

void demand(bool condition) {
  if (!condition) throw std::logic_error("a message did not go its way");
}

std::vector<std::string> sensors(std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) {
    names.push_back("plant/line-" + std::to_string(10'000 + i) + "/temperature");
  }
  return names;
}

std::size_t publish(std::size_t) {
  PublishWay way(1000);
  const auto topics = sensors(10);
  const auto lots = [&](std::size_t count) {
    for (std::size_t lot = 0; lot < count; ++lot) {
      for (std::size_t i = 0; i < kLot; ++i) way.publish(topics[i % topics.size()]);
      way.run();
      while (way.answer()) {
      }
      way.run();
    }
  };
  lots(4);
  dapr_mqtt_counted([&] { lots(kCounted / kLot); });
  demand(way.answered() == kCounted + 4 * kLot);
  return kCounted;
}

std::size_t publishes_waiting(std::size_t size) {
  PublishWay way(kLot);
  const std::string topic = sensors(1).front();
  for (std::size_t i = 0; i < size + kLot; ++i) way.publish(topic);
  way.run();
  const auto go_on = [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      demand(way.answer());
      way.publish(topic);
      way.run();
    }
  };
  go_on(kLot);
  dapr_mqtt_counted([&] { go_on(kCounted); });
  demand(way.answered() == kCounted + kLot);
  return kCounted;
}

/// One answered and one sent, while `size` are with the broker.
std::size_t publishes_in_flight(std::size_t size) {
  PublishWay way(size + 1);
  const std::string topic = sensors(1).front();
  const auto go_on = [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      way.publish(topic);
      way.run();
      demand(way.answer());
    }
  };
  for (std::size_t i = 0; i < size; ++i) way.publish(topic);
  way.run();
  go_on(kLot);
  dapr_mqtt_counted([&] { go_on(kCounted); });
  demand(way.answered() == kCounted + kLot);
  return kCounted;
}

std::size_t deliver(InboxKind kind) {
  DeliverWay way(kind, {"plant/+/temperature"}, 100);
  const auto topics = sensors(10);
  const auto lots = [&](std::size_t count) {
    for (std::size_t lot = 0; lot < count; ++lot) {
      for (std::size_t i = 0; i < kLot; ++i) way.receive(topics[i % topics.size()]);
      way.run();
      while (way.acknowledge()) way.run();
    }
  };
  lots(4);
  dapr_mqtt_counted([&] { lots(kCounted / kLot); });
  demand(way.in_inbox() == 0 && way.acknowledged() == kCounted + 4 * kLot);
  return kCounted;
}

/// One in, one out, while `window` are in the app's hands and `size - window` wait.
std::size_t deliver_while(InboxKind kind, std::size_t size, std::size_t window) {
  DeliverWay way(kind, {"plant/+/temperature"}, window);
  const std::string topic = sensors(1).front();
  const auto receive = [&] {
    way.receive(topic);
    way.run();
  };
  for (std::size_t i = 0; i < size; ++i) receive();
  const auto go_on = [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      receive();
      demand(way.acknowledge());
      way.run();
    }
  };
  go_on(kLot);
  dapr_mqtt_counted([&] { go_on(kCounted); });
  demand(way.in_inbox() == size && way.acknowledged() == kCounted + kLot);
  return kCounted;
}

/// Half of the filters with a wildcard; messages for each of them in turn.
std::size_t filters(std::size_t size) {
  const auto topics = sensors(size);
  std::vector<std::string> all;
  for (std::size_t i = 0; i < size; ++i) {
    const std::string line = topics[i].substr(0, topics[i].rfind('/'));
    all.push_back(i % 2 == 0 ? topics[i] : line + "/+");
  }
  DeliverWay way(InboxKind::kMemory, all, 100);
  constexpr std::size_t kAtOnce = 8;  // of ten filters, no two messages for one
  std::size_t next = 0;
  const auto lots = [&](std::size_t count) {
    for (std::size_t lot = 0; lot < count; ++lot) {
      for (std::size_t i = 0; i < kAtOnce; ++i) way.receive(topics[next++ % size]);
      way.run();
      while (way.acknowledge()) way.run();
    }
  };
  const std::size_t counted = 2 * 10'000;  // each filter has its turn
  lots(4);
  dapr_mqtt_counted([&] { lots(counted / kAtOnce); });
  demand(way.in_inbox() == 0 && way.acknowledged() == counted + 4 * kAtOnce);
  return counted;
}

/// What a subscription does with one payload.
std::size_t make_event(Mode mode, std::string payload, bool wrapped) {
  core::EventOptions options;
  options.mode = mode;
  options.type = "mqtt.message";
  const events::EventMaker maker({"mqtt-pubsub", "app", "plant/+/temperature"}, options);
  auto message = std::make_shared<core::IncomingMessage>();
  message->topic = sensors(1).front();
  message->payload = std::move(payload);
  const core::Delivery delivery{1, 1, std::move(message)};
  dapr_mqtt_counted([&] {
    for (std::size_t i = 0; i < kCounted; ++i) demand(maker.make(delivery).has_value() == wrapped);
  });
  return kCounted;
}

/// What a message costs of which events are made, and that the broker keeps until it is handled: a
/// seed on disk, until a lot of them is acknowledged.
std::size_t record_event_ids() {
  EventIdsWay way;
  const auto lots = [&](std::size_t count) {
    for (std::size_t lot = 0; lot < count; ++lot) {
      for (std::size_t i = 0; i < kLot; ++i) demand(way.receive());
      way.acknowledge();
    }
  };
  lots(4);
  dapr_mqtt_counted([&] { lots(kCounted / kLot); });
  return kCounted;
}

/// 256 bytes.
std::string event() {
  std::string text = R"({"specversion":"1.0","id":"1","source":"sensor","type":"reading","data":")";
  return text + std::string(kPayload - text.size() - 2, 'x') + "\"}";
}

const std::map<std::string, Way, std::less<>>& ways() {
  static const std::map<std::string, Way, std::less<>> all{
      {"publish", publish},
      {"deliver-memory", [](std::size_t) { return deliver(InboxKind::kMemory); }},
      {"deliver-durable", [](std::size_t) { return deliver(InboxKind::kDurable); }},
      {"event-pass", [](std::size_t) { return make_event(Mode::kPass, event(), false); }},
      {"event-as-it-is", [](std::size_t) { return make_event(Mode::kAuto, event(), false); }},
      {"event-of-text",
       [](std::size_t) { return make_event(Mode::kAuto, std::string(kPayload, 'x'), true); }},
      {"event-of-number", [](std::size_t) { return make_event(Mode::kAuto, "21.5", true); }},
      {"event-ids", [](std::size_t) { return record_event_ids(); }},
      {"publishes-waiting", publishes_waiting},
      {"publishes-in-flight", publishes_in_flight},
      {"deliveries-in-flight",
       [](std::size_t n) { return deliver_while(InboxKind::kMemory, n, n + 1); }},
      {"depth-memory", [](std::size_t n) { return deliver_while(InboxKind::kMemory, n, 1); }},
      {"depth-durable", [](std::size_t n) { return deliver_while(InboxKind::kDurable, n, 1); }},
      {"filters", filters},
  };
  return all;
}

void print_key() {
#if defined(__clang__)
  std::printf("clang-%d.%d", __clang_major__, __clang_minor__);
#else
  std::printf("gcc-%d.%d", __GNUC__, __GNUC_MINOR__);
#endif
  std::printf(",glibc-%s,sqlite-%s\n", gnu_get_libc_version(), sqlite3_libversion());
}

}  // namespace
}  // namespace dapr_mqtt::bench

int main(int argc, char** argv) {
  using namespace dapr_mqtt::bench;
  const std::string_view name = argc > 1 ? argv[1] : "";
  if (name == "key") {
    print_key();
    return 0;
  }
  const auto way = ways().find(name);
  if (way == ways().end()) {
    std::fputs("ways:", stderr);
    for (const auto& [known, ignored] : ways()) std::fprintf(stderr, " %s", known.c_str());
    std::fputs("\n", stderr);
    return 2;
  }
  const std::size_t size = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 0;
  std::printf("%zu\n", way->second(size));
  return 0;
}
