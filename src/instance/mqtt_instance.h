// A component instance: one Component of one daprd, connected to its broker.
#pragma once

#include <memory>
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
#include "dapr_mqtt/delivery/intake.h"
#include "dapr_mqtt/delivery/routes.h"
#include "dapr_mqtt/instance/instance.h"
#include "dapr_mqtt/publish/publisher.h"
#include "dapr_mqtt/subscribe/subscriptions.h"
#include "instance/dead_letters.h"
#include "instance/identity_registry.h"
#include "instance/inbox_keeper.h"
#include "instance/intake_gate.h"
#include "instance/own_messages.h"
#include "instance/ready_report.h"

namespace dapr_mqtt::instance {

/// Wires the ways out and in together and gives each its thread: `mqtt-publish`
/// sends, `mqtt-deliver` owns subscriptions, dispatcher and acknowledgements.
/// The broker clients bring threads of their own.
///
/// Destroying it joins those threads, so it happens on the factory's reaper.
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
               std::unique_ptr<core::DurableInbox> durable, std::string state_dir);
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
  std::unique_ptr<core::BrokerConsumer> make_consumer(
      std::size_t index, core::ConnectionListener& listener) override;
  void routes_changed(const subscribe::ConnectionPlan& plan) override;
  void subscription_ended(const core::TopicFilter& filter) override;
  void grace_over() override;
  void health_changed(const base::Status& health) override;

  // core::ConnectionListener of the publisher's connection
  void on_connected(bool session_present) override;
  void on_disconnected(const base::Status& cause) override;

  void make_way_in(std::unique_ptr<core::DurableInbox> durable, const std::string& state_dir);
  void make_keeper(core::DurableInbox& durable);
  void make_dead_letters();
  // On mqtt-deliver.
  void stop_intake(IntakeGate::Reason reason);
  void go_on(IntakeGate::Reason reason);

  base::TimePoint publish_deadline(base::TimePoint callers) const;
  void all_closed();

  const std::string name_;
  const core::Metadata metadata_;
  const config::ComponentSettings settings_;
  core::BrokerClientFactory& broker_;
  const base::Log log_;
  const base::SystemWallClock wall_clock_;
  core::Counters counters_;

  base::Worker publish_worker_{"mqtt-publish", broker_.sending_thread()};
  base::Worker delivery_worker_{"mqtt-deliver"};

  OwnMessages own_messages_;

  // The way out.
  std::unique_ptr<core::BrokerPublisher> publisher_connection_;
  std::unique_ptr<publish::Publisher> publisher_;

  // The way in.
  std::unique_ptr<core::Inbox> inbox_;
  core::InboxLimits inbox_limits_;  // constant
  core::DurableInbox* durable_ = nullptr;  // inbox_, if it is one
  std::unique_ptr<InboxKeeper> keeper_;    // its
  IntakeGate gate_;                        // mqtt-deliver's
  std::unique_ptr<DeadLetters> dead_letters_;  // mqtt-deliver's; null: what is given up is dropped
  delivery::RoutingTable routes_;
  std::unique_ptr<delivery::Dispatcher> dispatcher_;
  std::unique_ptr<delivery::Intake> intake_;
  std::vector<std::unique_ptr<core::MessageSink>> sinks_;  // mqtt-deliver's; by connection
  ReadyReport ready_{delivery_worker_, log_, settings_.connection};  // mqtt-deliver's
  std::unique_ptr<subscribe::Subscriptions> subscriptions_;

  mutable base::Mutex mutex_;
  base::Status publish_health_ DM_GUARDED_BY(mutex_);
  base::Status receive_health_ DM_GUARDED_BY(mutex_);
  base::Status disk_health_ DM_GUARDED_BY(mutex_);
  FirstAttempt first_attempt_ DM_GUARDED_BY(mutex_);
  bool closing_ DM_GUARDED_BY(mutex_) = false;
  bool closed_ DM_GUARDED_BY(mutex_) = false;
  int connections_to_close_ DM_GUARDED_BY(mutex_) = 0;
  std::vector<std::function<void()>> close_waiters_ DM_GUARDED_BY(mutex_);
  std::shared_ptr<IdentityRegistry::Claim> claim_ DM_GUARDED_BY(mutex_);
};

}  // namespace dapr_mqtt::instance
