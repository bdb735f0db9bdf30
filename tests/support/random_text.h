// Random input, for cases that no one has thought of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace dapr_mqtt::testing {

/// The seed from the variable DAPR_MQTT_TEST_SEED, else a fresh one; printed, so
/// that a failure can be repeated.
inline std::uint64_t seed_of_test() {
  const char* const given = std::getenv("DAPR_MQTT_TEST_SEED");
  const std::uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  std::cout << "DAPR_MQTT_TEST_SEED=" << seed << "\n";
  return seed;
}

/// Not thread-safe.
class RandomText {
 public:
  explicit RandomText(std::uint64_t seed) : random_(seed) {}

  /// From 0 to `end` - 1.
  std::size_t below(std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_);
  }
  /// Up to `max_pieces` of `pieces` in a row, now and then a random byte instead.
  std::string text(const std::vector<std::string>& pieces, std::size_t max_pieces) {
    std::string out;
    for (std::size_t left = below(max_pieces + 1); left > 0; --left) {
      if (below(8) == 0) {
        out += static_cast<char>(below(256));
      } else {
        out += pieces[below(pieces.size())];
      }
    }
    return out;
  }
  std::string with_random_case(std::string_view name) {
    std::string out(name);
    for (char& c : out) {
      if (below(8) == 0 && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return out;
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace dapr_mqtt::testing
