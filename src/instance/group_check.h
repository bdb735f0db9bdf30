#pragma once

#include <cstddef>
#include <stop_token>
#include <string>
#include <thread>

#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/broker.h"
#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::instance {

/// Warns if the broker grants shared subscriptions but does not have them, which MQTT 3.1.1 has no
/// way to report (inspect::treats_share_as_topic). Checks once, when the first shared subscription
/// is granted, on a thread of its own and with client IDs of its own. So it does not check if
/// `clientIdPublisher` is set, which is for brokers that accept only known client IDs. If the check
/// cannot find out, it logs that at level debug.
class GroupCheck {
 public:
  /// `broker` and `logger` outlive it; `log_name` is the Component's name.
  GroupCheck(core::BrokerClientFactory& broker, base::Logger& logger, std::string log_name,
             core::ConnectionOptions connection);
  /// Waits until the check has ended, which takes up to a second after stop().
  ~GroupCheck();
  GroupCheck(const GroupCheck&) = delete;
  GroupCheck& operator=(const GroupCheck&) = delete;

  /// A subscription is in force. Called by one thread at a time; does not wait.
  void granted(const core::TopicFilter& filter, std::size_t endpoint);
  /// Ends the check; no other begins. From any thread; does not wait.
  void stop() { stop_.request_stop(); }
  /// The problem that was warned of; OK if there is none. From any thread.
  base::Status problem() const;

 private:
  /// Logs all lines of the check's connections at level debug.
  class Quiet final : public base::Logger {
   public:
    explicit Quiet(base::Logger& logger) : logger_(logger) {}
    bool enabled(base::LogLevel /*level*/) const override {
      return logger_.enabled(base::LogLevel::kDebug);
    }
    void write(base::LogLevel /*level*/, std::string_view instance,
               std::string_view message) override {
      logger_.write(base::LogLevel::kDebug, instance, message);
    }

   private:
    base::Logger& logger_;
  };

  void check(const std::string& filter, const core::Endpoint& endpoint);

  core::BrokerClientFactory& broker_;
  const base::Log log_;
  Quiet quiet_;
  const base::Log quiet_log_;
  const core::ConnectionOptions connection_;
  std::stop_source stop_;
  bool begun_ = false;

  mutable base::Mutex mutex_;
  base::Status problem_ DM_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace dapr_mqtt::instance
