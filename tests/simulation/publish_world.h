// A publisher, the decisions of its connection, and a broker that closes connections, dies and
// stops answering, in virtual time.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "dapr_mqtt/core/counters.h"
#include "dapr_mqtt/publish/publisher.h"
#include "mqtt/connection_state.h"
#include "support/captured_log.h"
#include "support/manual_executor.h"

namespace dapr_mqtt::simulation {

/// What one seed decides.
struct PublishSchedule {
  explicit PublishSchedule(std::uint64_t seed);

  base::Duration latency;                   ///< to the broker, and back
  base::Duration between;                   ///< publishes, on average
  std::optional<base::Duration> bad_every;  ///< time between publishes that the broker rejects
  bool answers_before_closing;              ///< what it has read before is acknowledged first
  std::vector<base::Duration> outages;      ///< for so long it closes all connections and is away
  std::optional<base::Duration> silence;    ///< for so long it acknowledges nothing
};

/// The broker's side of the connection, and what the connection does by connection_state.
class ScheduledConnection final : public core::BrokerPublisher {
 public:
  ScheduledConnection(testing::ManualExecutor& executor, const PublishSchedule& schedule,
                      std::uint64_t seed);

  void attach(publish::Publisher& publisher) { publisher_ = &publisher; }
  void open() override;
  void close(std::function<void()> closed) override { closed(); }
  void reconnect(base::Status) override;
  base::Status publish(const core::OutgoingMessage& message, Completion done) override;
  std::size_t max_in_flight(core::QoS qos) const override {
    return qos == core::QoS::kExactlyOnce ? 20 : 50;
  }

  void goes_away();
  void comes_back() { away_ = false; }
  void be_silent(bool silent) { silent_ = silent; }
  bool connected() const { return state_.phase == mqtt::ConnectionState::Phase::kConnected; }
  std::size_t closes() const { return closes_; }
  std::size_t left() const { return left_; }

 private:
  struct Open {
    bool bad;
    Completion done;
  };
  void handle(const mqtt::ConnectionEvent& event);
  void act(const mqtt::ConnectionAction& action);
  void arrives(std::uint64_t connection, std::uint64_t id);
  void lose(core::ConnectionEnd end);

  testing::ManualExecutor& executor_;
  const PublishSchedule& schedule_;
  publish::Publisher* publisher_ = nullptr;
  mqtt::ConnectionState state_;
  std::uint64_t connection_ = 0;  ///< its number: events of an earlier one are ignored
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, Open> open_;
  base::Executor::TimerId retry_ = 0;
  std::optional<base::TimePoint> last_publish_;
  bool away_ = false;
  bool silent_ = false;
  bool closing_ = false;  ///< the broker has closed its side, and the client does not know yet
  std::size_t closes_ = 0;
  std::size_t left_ = 0;
};

/// Publishes by a schedule and checks every answer against the promises.
class PublishWorld {
 public:
  explicit PublishWorld(std::uint64_t seed);

  /// Runs the schedule to its end; returns the broken promise, if there is one.
  std::optional<std::string> run();

  struct Coverage {
    std::uint64_t rejected = 0;
    std::uint64_t ok = 0;
    std::uint64_t unavailable = 0;
    std::uint64_t timed_out = 0;
    std::uint64_t left = 0;  ///< connections that acknowledged nothing
    std::uint64_t closes = 0;
    base::Duration longest{};  ///< of a good publish while the broker was there and answered
  };
  const Coverage& coverage() const { return coverage_; }

 private:
  struct Request {
    bool bad;
    core::QoS qos;
    base::TimePoint asked;
    std::optional<base::Status> answer;
    base::TimePoint answered{};
  };
  void publish();
  void plan_trouble();
  std::optional<std::string> judge(const Request& request);
  bool in_trouble(const Request& request) const;

  std::mt19937_64 random_;
  const PublishSchedule schedule_;
  testing::ManualExecutor executor_;
  testing::CapturedLog log_;
  core::Counters counters_;
  ScheduledConnection connection_;
  publish::Publisher publisher_;
  base::TimePoint next_bad_{};
  std::deque<Request> requests_;
  std::vector<std::pair<base::TimePoint, base::TimePoint>> trouble_;  ///< away or silent
  std::string twice_;
  Coverage coverage_;
};

}  // namespace dapr_mqtt::simulation
