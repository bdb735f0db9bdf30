#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "dapr_mqtt/core/inbox.h"
#include "dapr_mqtt/core/subscriber.h"
#include "simulation/broker_session.h"
#include "support/captured_log.h"
#include "support/manual_executor.h"
#include "support/scratch_folder.h"

namespace dapr_mqtt::simulation {

/// What keeps the messages; the same values as config::Inbox.
enum class Mode { kAuto, kBroker, kDisk };

/// A persistent instance with two connections, the broker's side of their sessions, and an app that
/// sometimes fails. The instance is killed, loses power, is moved to another disk, and its disk is
/// sometimes full; connections break before acknowledgements arrive. One seed decides everything.
class CrashWorld {
 public:
  /// A fault that the simulation has to find.
  enum class Mutant { kNone, kAcknowledgesEarly };

  CrashWorld(std::uint64_t seed, Mode mode, Mutant mutant = Mutant::kNone);
  ~CrashWorld();

  /// The promise that was broken, if one was.
  std::optional<std::string> run();

  struct Coverage {
    std::uint64_t kills = 0, power_cuts = 0, moves = 0, full_disks = 0, breaks = 0,
                  lost_acknowledgements = 0, handled_again = 0, recognised = 0, redelivered = 0,
                  stored_and_lost = 0, drains = 0, refused = 0, jumps = 0;
  };
  const Coverage& coverage() const { return coverage_; }

 private:
  using Number = BrokerSession::Number;
  static constexpr std::size_t kConnections = 2;
  class Stream;
  struct Process;
  /// What the simulation knows of a message.
  struct Life {
    std::string topic;
    std::size_t padding = 0;
    core::QoS qos = core::QoS::kAtLeastOnce;
    bool forgotten = false;       ///< the broker has an acknowledgement
    bool handled = false;         ///< at least once
    bool handled_now = false;     ///< by this process
    bool ack_lost = false;        ///< an acknowledgement was on its way when the connection broke
    bool out = false;             ///< delivered, not answered
    bool lost_with_disk = false;  ///< the disk that had it is gone
  };
  enum class Crash { kKill, kPowerCut, kMove };

  bool chance(unsigned percent) { return random_() % 100 < percent; }
  std::size_t pick(std::size_t n) { return static_cast<std::size_t>(random_() % n); }
  void require(bool holds, const std::string& promise);
  std::string name_of(Number number) const;

  void boot();
  void crash(Crash crash);
  void drain();
  void step();
  void publish();
  /// False: it was refused, and the connection has ended.
  bool send(std::size_t connection, const BrokerSession::Sent& sent);
  void flow(std::size_t connection);
  void connect(std::size_t connection);
  void break_connection(std::size_t connection);
  base::ClockReading clocks() const;
  void acknowledge(std::size_t connection);
  void answer();
  void delivered(const core::Delivery& delivery);
  void require_order(Number number, const Life& life);
  void handle(Stream& stream, const core::Delivery& delivery);
  void finish();

  std::mt19937_64 random_;
  const Mode mode_;
  const Mutant mutant_;
  const bool full_sync_;
  const core::ConcurrencyMode order_;
  testing::ManualExecutor executor_;
  testing::ManualWallClock clock_{executor_};
  testing::CapturedLog log_;
  // The wall clock jumps, so the dispatcher does not use it directly. Each crash may be a reboot.
  base::WallTime::duration wall_jump_{};
  std::uint64_t boot_ = 1;
  base::TimePoint booted_{};
  std::unique_ptr<testing::ScratchFolder> folder_ = std::make_unique<testing::ScratchFolder>();
  std::vector<BrokerSession> sessions_;
  std::unique_ptr<Process> process_;
  bool disk_full_ = false;
  bool identifiers_unsure_ = false;
  std::map<Number, Life> lives_;
  Number last_number_ = 0;
  std::optional<std::string> violation_;
  Coverage coverage_;
};

}  // namespace dapr_mqtt::simulation
