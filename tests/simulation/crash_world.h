#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "dapr_mqtt/delivery/dispatcher.h"
#include "dapr_mqtt/delivery/intake.h"
#include "instance/inbox_keeper.h"
#include "storage/sqlite_inbox.h"
#include "support/captured_log.h"
#include "support/lossy_disk.h"
#include "support/manual_executor.h"
#include "support/scratch_folder.h"

namespace dapr_mqtt::simulation {

/// A broker that sends again what it has no acknowledgement for, a persistent instance
/// that is killed, loses power, and meets a full disk, and an app that fails at times: all
/// driven by one seed.
class CrashWorld {
 public:
  explicit CrashWorld(std::uint64_t seed);
  ~CrashWorld();

  /// The promise that was broken, if one was.
  std::optional<std::string> run();

  struct Coverage {
    std::uint64_t kills = 0, power_cuts = 0, full_disks = 0, kept_back = 0, came_again = 0,
                  lost_qos0 = 0, redelivered = 0;
  };
  const Coverage& coverage() const { return coverage_; }

 private:
  using Number = std::uint64_t;
  class Stream;
  /// What is known of a message; one that the broker sends again is another.
  struct Life {
    std::string topic;
    std::size_t padding = 0;
    core::QoS qos = core::QoS::kAtMostOnce;
    Number again = 0;  ///< as which the broker sent it again; 0: it did not
    bool safe = false;     ///< its append has committed: no crash may lose it
    bool handled = false;  ///< acknowledged at least once
    bool gone = false;     ///< and that is written: it may never come again
    bool out = false;      ///< delivered, not answered
    bool acked_now = false;  ///< acknowledged in this process
    std::uint32_t failures = 0;  ///< in all
    std::optional<std::uint32_t> attempt;  ///< of its last delivery by this process
  };
  /// One process of the component.
  struct Process;

  bool chance(unsigned percent) { return random_() % 100 < percent; }
  std::size_t pick(std::size_t n) { return static_cast<std::size_t>(random_() % n); }
  void require(bool holds, const std::string& promise);

  void boot();
  void crash();
  void step();
  void receive();
  void send(Number number);
  void send_again();
  void acknowledge_to_broker();
  bool handled_at_last(Number number);
  void answer();
  void disk_fills();
  void disk_empties();
  void settle_down();
  void delivered(const std::string& queue, const core::Delivery& delivery);
  void finish();

  std::mt19937_64 random_;
  const bool full_sync_;
  testing::ManualExecutor executor_;
  testing::ManualWallClock clock_{executor_};
  testing::CapturedLog log_;
  core::Counters counters_;
  std::unique_ptr<testing::ScratchFolder> folder_ = std::make_unique<testing::ScratchFolder>();
  std::unique_ptr<Process> process_;
  bool disk_full_ = false;
  std::vector<Number> unacknowledged_;  // the broker's, of QoS 1
  /// The connection acknowledges nothing any more, or there is none.
  bool broken_ = false;
  std::map<Number, Life> lives_;
  Number last_number_ = 0;
  std::optional<std::string> violation_;
  Coverage coverage_;
};

}  // namespace dapr_mqtt::simulation
