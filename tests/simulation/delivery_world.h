#pragma once

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "dapr_mqtt/delivery/dispatcher.h"
#include "dapr_mqtt/delivery/intake.h"
#include "dapr_mqtt/delivery/intake_control.h"
#include "dapr_mqtt/storage/memory_inbox.h"
#include "simulation/delivery_ledger.h"
#include "support/captured_log.h"
#include "support/manual_executor.h"

namespace dapr_mqtt::simulation {

/// A publisher, an app with streams that come and go, and between them intake,
/// inbox and dispatcher, all driven by one seed: run() plays one schedule.
class World {
 public:
  explicit World(std::uint64_t seed);
  ~World();

  /// The promise that was broken, if one was.
  std::optional<std::string> run();

  /// What was tried, so that a test can check that the schedules cover everything.
  struct Coverage {
    std::uint64_t delivered = 0, redelivered = 0, given_up = 0, too_large = 0, dropped = 0,
                  unknown_acks = 0, intake_stops = 0, returned = 0, drains = 0, not_reached = 0;
  };
  const Coverage& coverage() const { return coverage_; }

 private:
  class SimStream;
  using Streams = std::vector<std::shared_ptr<SimStream>>;

  bool chance(unsigned percent) { return random_() % 100 < percent; }
  std::size_t pick(std::size_t n) { return static_cast<std::size_t>(random_() % n); }
  void expect_abandoned();
  void settle_down();
  void check_nothing_stalls();

  void step();
  void publish();
  void open_stream(std::size_t filter);
  void close_stream(std::size_t index);
  void answer(SimStream& stream, std::size_t nth, bool ok);
  void miss(SimStream& stream, std::size_t nth);
  void acknowledge_wrongly();
  void finish_by_handling_all();
  void finish_by_draining();

  std::mt19937_64 random_;
  testing::ManualExecutor executor_;
  testing::ManualWallClock clock_{executor_};
  testing::CapturedLog log_;
  core::Counters counters_;
  delivery::Policy policy_;
  delivery::IntakeOptions options_;
  delivery::RoutingTable table_;
  std::vector<core::TopicFilter> filters_;
  std::vector<core::TopicFilter> routed_;
  std::string key_of(const std::string& topic) const;

  std::map<Ledger::Number, std::string> unclaimed_;  // topics, by number
  std::string failing_;      // a topic that the app fails more often than not
  std::size_t segment_ = 0;  // of the order by key; 0: the topic
  Ledger::Number last_number_ = 0;
  std::map<std::pair<std::string, Ledger::Number>, unsigned>
      interruptions_;  // by filter and number

  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<storage::MemoryInbox> inbox_;
  std::unique_ptr<delivery::IntakeControl> control_;
  std::unique_ptr<delivery::Dispatcher> dispatcher_;
  std::unique_ptr<delivery::Intake> intake_;
  std::unique_ptr<core::MessageSink> sink_;
  std::map<std::string, base::TimePoint> left_;  // filters whose last stream closed
  Streams open_;
  Streams closed_;  // for late acknowledgements
  bool held_back_ = false;
  bool intake_stopped_ = false;
  Coverage coverage_;
};

}  // namespace dapr_mqtt::simulation
