#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace dapr_mqtt::core {

/// How long something took, counted in fixed buckets. Written with relaxed order
/// from any thread, without a lock; a reader may see an observation in a bucket
/// and not yet in the sum, or the other way round.
class Histogram {
 public:
  /// Upper bounds, inclusive; one more bucket counts longer times. They range from
  /// a broker on the same machine to the longest time that an app or a broker
  /// takes (publishTimeout is 20 s, Dapr's own retries may take a minute).
  static constexpr std::array<std::chrono::microseconds, 16> kBounds{{
      std::chrono::microseconds(500),
      std::chrono::microseconds(1'000),
      std::chrono::microseconds(2'500),
      std::chrono::microseconds(5'000),
      std::chrono::microseconds(10'000),
      std::chrono::microseconds(25'000),
      std::chrono::microseconds(50'000),
      std::chrono::microseconds(100'000),
      std::chrono::microseconds(250'000),
      std::chrono::microseconds(500'000),
      std::chrono::microseconds(1'000'000),
      std::chrono::microseconds(2'500'000),
      std::chrono::microseconds(5'000'000),
      std::chrono::microseconds(10'000'000),
      std::chrono::microseconds(30'000'000),
      std::chrono::microseconds(60'000'000),
  }};
  static constexpr std::size_t kBuckets = kBounds.size() + 1;

  struct Snapshot {
    std::array<std::uint64_t, kBuckets> counts{};  ///< of each bucket, not cumulative
    std::chrono::nanoseconds sum{};
  };

  void observe(std::chrono::nanoseconds took) {
    std::size_t bucket = 0;
    while (bucket < kBounds.size() && took > kBounds[bucket]) ++bucket;
    counts_[bucket].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(took.count(), std::memory_order_relaxed);
  }

  Snapshot snapshot() const {
    Snapshot out;
    for (std::size_t i = 0; i < kBuckets; ++i) {
      out.counts[i] = counts_[i].load(std::memory_order_relaxed);
    }
    out.sum = std::chrono::nanoseconds(sum_.load(std::memory_order_relaxed));
    return out;
  }

 private:
  std::array<std::atomic<std::uint64_t>, kBuckets> counts_{};
  std::atomic<std::int64_t> sum_{0};  // nanoseconds: enough for 292 years
};

}  // namespace dapr_mqtt::core
