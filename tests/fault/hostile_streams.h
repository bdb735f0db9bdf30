// What a hostile broker sends: valid packets, changed by a seeded generator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "support/mqtt_bytes.h"

namespace dapr_mqtt::testing {

/// The next numbers of a seed.
class Choices {
 public:
  explicit Choices(std::uint64_t seed) : random_(seed) {}
  /// From 0 to `count` - 1.
  std::size_t below(std::size_t count) { return random_() % count; }
  bool one_in(std::size_t count) { return below(count) == 0; }
  template <typename T>
  const T& of(const std::vector<T>& all) {
    return all[below(all.size())];
  }

 private:
  std::mt19937_64 random_;
};

/// Packets that ended the process, or had memory freed twice, while Paho read from the broker
/// itself. Each is a whole stream, for a client that has connected.
std::vector<std::string> known_killers();

/// Streams for one version of MQTT. Not thread-safe.
class HostileStreams {
 public:
  HostileStreams(mqtt::ProtocolVersion protocol, std::uint64_t seed)
      : protocol_(protocol), choices_(seed) {}

  /// One to twelve packets, most of them changed; some answer `open`, the client's requests
  /// (PUBLISH, PUBREL, SUBSCRIBE, UNSUBSCRIBE) that have had no answer.
  std::string stream(const std::vector<mqtt::ClientPacket>& open);
  /// A CONNACK that is changed, or refuses.
  std::string bad_connack();
  /// A CONNACK that a client accepts.
  std::string good_connack();
  /// The answer that a broker owes to one of `open`'s kinds.
  std::string right_answer(const mqtt::ClientPacket& request);

  Choices& choices() { return choices_; }

 private:
  /// Of a kind that a broker may send now, if the rest of the stream agrees.
  std::string right_packet(const std::vector<mqtt::ClientPacket>& open);
  std::string wrong_packet(const std::vector<mqtt::ClientPacket>& open);
  std::string publish();
  std::string properties();
  std::string property();
  std::string acknowledgement(std::size_t first_byte, std::size_t id);
  std::string wrong_answer(std::size_t id);
  std::size_t id();
  void change(std::string& packet);

  const mqtt::ProtocolVersion protocol_;
  Choices choices_;
};

}  // namespace dapr_mqtt::testing
