// A component instance: one Component of one daprd, connected to its broker.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dapr_mqtt/base/clock.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/base/worker.h"
#include "dapr_mqtt/config/component_settings.h"
#include "dapr_mqtt/core/broker.h"
#include "dapr_mqtt/core/counters.h"
#include "dapr_mqtt/delivery/dispatcher.h"
#include "dapr_mqtt/delivery/hold_watch.h"
#include "dapr_mqtt/delivery/intake.h"
#include "dapr_mqtt/delivery/intake_control.h"
#include "dapr_mqtt/delivery/routes.h"
#include "dapr_mqtt/instance/instance.h"
#include "dapr_mqtt/instance/make_factory.h"
#include "dapr_mqtt/publish/misspelt_keys.h"
#include "dapr_mqtt/publish/publisher.h"
#include "dapr_mqtt/subscribe/subscriptions.h"
#include "instance/dead_letters.h"
#include "instance/event_filters.h"
#include "instance/group_check.h"
#include "instance/identity_registry.h"
#include "instance/inbox_keeper.h"
#include "instance/intake_gate.h"
#include "instance/memory_return.h"
#include "instance/own_messages.h"
#include "instance/ready_report.h"

namespace dapr_mqtt::instance {

/// Connects the parts for publishing and for receiving, and gives each side its executor:
/// `mqtt-publish` sends; `mqtt-deliver` owns subscriptions, dispatcher and acknowledgements. Below,
/// "on mqtt-deliver" means in a task of that executor, on whatever thread it runs. The broker
/// clients have threads of their own.
///
/// The destructor joins these threads, so it runs on the factory's reaper.
class MqttInstance final : public Instance,
                           public std::enable_shared_from_this<MqttInstance>,
                           private subscribe::SubscriptionHost,
                           private core::ConnectionListener {
 public:
  /// Runs once with the outcome of the publisher's first attempt, on a thread
  /// of the broker client: must not call the instance.
  using FirstAttempt = std::function<void(base::Status)>;

  MqttInstance(std::string name, core::Metadata metadata, config::ComponentSettings settings,
               core::BrokerClientFactory& broker, base::Logger& logger,
               std::shared_ptr<IdentityRegistry::Claim> claim,
               std::unique_ptr<core::DurableInbox> durable, const FactoryOptions& options);
  ~MqttInstance() override;

  void open(FirstAttempt first_attempt);

  const core::Metadata& metadata() const override { return metadata_; }
  std::vector<std::string> features() const override;
  void publish(PublishRequest request, std::function<void(base::Status)> done) override;
  void bulk_publish(BulkPublishRequest request,
                    std::function<void(std::vector<FailedEntry>)> done) override;
  std::shared_ptr<Stream> open_stream(std::shared_ptr<core::Subscriber> subscriber) override;
  void pause() override;
  void resume() override;
  base::Status health() const override;
  const core::Counters& counters() const override { return counters_; }
  InstanceFacts facts() const override;
  void drain(base::TimePoint deadline, std::function<void()> done) override;
  void close(std::function<void()> done) override;

 private:
  class MqttStream;

  // subscribe::SubscriptionHost, on mqtt-deliver
  std::unique_ptr<core::BrokerConsumer> make_consumer(std::size_t index,
                                                      core::ConnectionListener& listener) override;
  void routes_changed(const subscribe::ConnectionPlan& plan) override;
  void subscription_ended(const core::TopicFilter& filter) override;
  void grace_over() override;
  void granted(const core::TopicFilter& filter, std::size_t endpoint) override;
  void session_lost() override;
  void health_changed(const base::Status& health) override;
  void answer_missing(const std::optional<core::MissingAnswer>& answer) override;

  // core::ConnectionListener of the publisher's connection
  void on_connected(const core::SessionFound& session) override;
  void on_disconnected(const base::Status& cause, core::ConnectionEnd end) override;
  void on_credentials(const core::CredentialsReport& report) override;

  core::EventIds* event_ids(std::size_t connection);
  void make_receiving(std::unique_ptr<core::DurableInbox> durable, const FactoryOptions& options);
  void make_intake_control();
  void make_keeper(core::DurableInbox& durable);
  void make_dead_letters();
  // On mqtt-deliver.
  void stop_intake(IntakeGate::Reason reason);
  void resume_intake(IntakeGate::Reason reason);

  base::TimePoint publish_deadline(base::TimePoint callers) const;
  void all_closed();

  const std::string name_;
  const core::Metadata metadata_;
  const config::ComponentSettings settings_;
  core::BrokerClientFactory& broker_;
  const base::Log log_;
  const base::SteadyWallClock clock_;
  core::Counters counters_;

  base::Worker publish_worker_;
  base::Worker delivery_worker_{"mqtt-deliver"};

  publish::MisspeltKeys misspelt_keys_{settings_.connection.protocol};
  OwnMessages own_messages_;
  EventFilters event_filters_;
  GroupCheck group_check_;

  // For publishing.
  std::unique_ptr<core::BrokerPublisher> publisher_connection_;
  std::unique_ptr<publish::Publisher> publisher_;

  // For receiving.
  bool persistent_ = false;  // constant
  std::unique_ptr<core::Inbox> inbox_;
  core::InboxLimits inbox_limits_;             // constant
  core::DurableInbox* durable_ = nullptr;      // inbox_, if that is durable
  std::unique_ptr<InboxKeeper> keeper_;        // of durable_
  IntakeGate gate_;                            // on mqtt-deliver
  std::unique_ptr<DeadLetters> dead_letters_;  // on mqtt-deliver; null: no dead-letter topic
  delivery::RoutingTable routes_;
  std::unique_ptr<delivery::IntakeControl> intake_control_;  // on mqtt-deliver
  std::unique_ptr<delivery::Dispatcher> dispatcher_;
  std::unique_ptr<delivery::Intake> intake_;
  std::unique_ptr<delivery::HoldWatch> hold_watch_;  // on mqtt-deliver; null unless inbox is auto
  std::optional<MemoryReturn> memory_return_;        // constant
  std::vector<std::unique_ptr<core::MessageSink>> sinks_;  // on mqtt-deliver; by connection
  ReadyReport ready_{delivery_worker_, log_, settings_.connection};  // on mqtt-deliver
  std::unique_ptr<subscribe::Subscriptions> subscriptions_;

  mutable base::Mutex mutex_;
  base::Status publish_health_ DM_GUARDED_BY(mutex_);
  base::Status receive_health_ DM_GUARDED_BY(mutex_);
  base::Status disk_health_ DM_GUARDED_BY(mutex_);
  std::optional<core::MissingAnswer> publish_missing_ DM_GUARDED_BY(mutex_);
  std::optional<core::MissingAnswer> receive_missing_ DM_GUARDED_BY(mutex_);
  core::CredentialsReport credentials_ DM_GUARDED_BY(mutex_);
  FirstAttempt first_attempt_ DM_GUARDED_BY(mutex_);
  bool closing_ DM_GUARDED_BY(mutex_) = false;
  bool closed_ DM_GUARDED_BY(mutex_) = false;
  int connections_to_close_ DM_GUARDED_BY(mutex_) = 0;
  std::vector<std::function<void()>> close_waiters_ DM_GUARDED_BY(mutex_);
  std::shared_ptr<IdentityRegistry::Claim> claim_ DM_GUARDED_BY(mutex_);
};

}  // namespace dapr_mqtt::instance
