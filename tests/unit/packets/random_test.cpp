// Mostly valid streams, cut into random pieces, always give the same events.
#include <gtest/gtest.h>

#include <string>

#include "support/random_text.h"
#include "unit/packets/recorded_events.h"

namespace dapr_mqtt::testing {
namespace {

constexpr std::size_t kLimit = 3000;

std::string random_properties(RandomText& random) {
  return random.text(
      {"\1\1", "\2" + mqtt::u32(5), "\3" + mqtt::text("type"), "\x8" + mqtt::text("reply"),
       "\x9" + mqtt::text("data"), "\xB\7", "\x26" + mqtt::text("name") + mqtt::text("value"),
       "\x1F" + mqtt::text("reason")},
      4);
}

std::string random_packet(RandomText& random, ProtocolVersion version) {
  const std::size_t id = 1 + random.below(3);
  const std::string block = random_properties(random);
  switch (random.below(8)) {
    case 0: return mqtt::puback(id);
    case 1: return mqtt::pubrec(id) + mqtt::pingresp();
    case 2: return mqtt::pubcomp(id);
    case 3: return mqtt::suback(version, id, std::string(random.below(3), '\1'), block);
    case 4: return mqtt::acknowledgement5(0x62, id, 0, block);
    default:
      return mqtt::publish(version, {.topic = random.text({"topic", "/"}, 9),
                                     .payload = std::string(random.below(5000), 'p'),
                                     .qos = static_cast<unsigned>(random.below(3)),
                                     .id = static_cast<std::uint16_t>(id),
                                     .properties = block});
  }
}

struct Outcome {
  std::vector<std::string> events;
  std::string error;
  bool operator==(const Outcome&) const = default;
};

TEST(RandomPieces, amount_to_the_same_events) {
  RandomText random(seed_of_test());
  for (int round = 0; round < 3000; ++round) {
    const ProtocolVersion version = random.below(2) == 0 ? k311 : k5;
    const std::string requests = mqtt::publish(version, {.qos = 1, .id = 1}) +
                                 mqtt::publish(version, {.qos = 2, .id = 2}) +
                                 mqtt::subscribe(version, 3, {"t", "u"});
    std::string bytes = mqtt::connack(version, random.below(2) == 0);
    for (std::size_t left = random.below(6); left > 0; --left) {
      bytes += random_packet(random, version);
    }
    if (random.below(3) == 0) {
      bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
    }

    const auto run = [&](auto next_size) {
      Connection connection(version, kLimit);
      connection.client(mqtt::connect(version) + requests);
      std::string error;
      for (std::size_t at = 0; at < bytes.size() && error.empty();) {
        const std::size_t size = next_size();
        error = connection.broker(std::string_view(bytes).substr(at, size));
        at += size;
      }
      return Outcome{connection.lines(), error};
    };
    const Outcome whole = run([&] { return bytes.size(); });
    ASSERT_EQ(run([] { return 1U; }), whole) << hex(bytes);
    ASSERT_EQ(run([&] { return 1 + random.below(200); }), whole) << hex(bytes);
  }
}

}  // namespace
}  // namespace dapr_mqtt::testing
