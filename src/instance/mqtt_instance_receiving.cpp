// The way in: inbox, dispatcher, intake and subscriptions of an instance.
#include <algorithm>
#include <limits>
#include <random>
#include <utility>

#include "dapr_mqtt/storage/memory_inbox.h"
#include "instance/client_identity.h"
#include "instance/mqtt_instance.h"

namespace dapr_mqtt::instance {
namespace {

// What an instance may hold for consumers that are slow when it has no disk to put
// it on. Messages past it are dropped (oldest first) and counted.
constexpr std::size_t kMaxBytesInMemory = 32U << 20U;

delivery::Policy policy_of(const config::ComponentSettings& settings) {
  delivery::Policy policy;
  policy.max_retries = settings.max_retries;
  policy.retry_interval = settings.retry_interval;
  policy.order = settings.in_order ? core::Inbox::Order::kStrict : core::Inbox::Order::kReady;
  policy.window.messages = settings.max_handlers;
  return policy;
}

}  // namespace

void MqttInstance::make_way_in(std::unique_ptr<core::DurableInbox> durable,
                               const std::string& state_dir) {
  const bool persistent = !settings_.connection.clean_session;
  core::InboxLimits limits = settings_.inbox;
  if (durable) {
    durable_ = durable.get();
    inbox_ = std::move(durable);
    make_keeper(*durable_);
  } else if (!state_dir.empty()) {
    inbox_ = std::make_unique<storage::MemoryInbox>(
        limits, storage::SpillOptions{.folder = state_dir}, log_);
  } else {
    limits.max_bytes = std::min(limits.max_bytes, kMaxBytesInMemory);
    inbox_ = std::make_unique<storage::MemoryInbox>(limits);
  }
  inbox_limits_ = limits;
  dispatcher_ = std::make_unique<delivery::Dispatcher>(
      policy_of(settings_), delivery_worker_, wall_clock_, *inbox_, counters_, log_,
      delivery::DispatcherHooks{
          .intake_full =
              [this] {
                core::bump(counters_.intake_paused);
                log_.warn("the inbox is full (" + std::to_string(inbox_->usage().messages) +
                          " messages wait for the app): receiving stops, the broker queues for "
                          "this session, until half is handled");
                stop_intake(IntakeGate::kInboxFull);
              },
          .intake_resume =
              [this] {
                log_.info("half of the inbox is free again: receiving goes on");
                go_on(IntakeGate::kInboxFull);
              },
          .given_up = nullptr,
          .dead_letter = settings_.dead_letter_topic
                             ? [this](const delivery::GivenUp& g) { dead_letters_->take(g); }
                             : std::function<void(const delivery::GivenUp&)>(),
      });
  if (settings_.dead_letter_topic) make_dead_letters();
  delivery::IntakeOptions intake;
  intake.persistent = persistent;
  intake.limits = limits;
  // With a dead-letter topic the dispatcher sees to those that daprd does not take.
  if (dead_letters_) intake.max_payload = std::numeric_limits<std::size_t>::max();
  intake_ = std::make_unique<delivery::Intake>(
      intake, routes_, *inbox_, dispatcher_->arrivals(), delivery_worker_, wall_clock_, counters_,
      log_, [this](const base::Status& cause) {
        if (keeper_) keeper_->disk_failed(cause);  // memory does not fail
      },
      [this](const core::TopicFilter& filter, const core::IncomingMessage& message) {
        return own_messages_.unwanted(filter, message);
      });
  subscribe::Subscriptions::Settings subscriptions;
  subscriptions.clean_session = !persistent;
  subscriptions.seed = std::random_device{}();
  // A session with a random client ID is one that nobody resumes.
  if (durable_ != nullptr && !settings_.random_client_id) {
    subscriptions.session = &durable_->session();
  }
  subscribe::SubscriptionHost& host = *this;
  subscriptions_ = std::make_unique<subscribe::Subscriptions>(delivery_worker_, host, subscriptions,
                                                              counters_, log_);
}

void MqttInstance::make_dead_letters() {
  DeadLetters::Settings letters{.topic = *settings_.dead_letter_topic,
                                .qos = std::max(settings_.qos, core::QoS::kAtLeastOnce),
                                .protocol = settings_.connection.protocol};
  dead_letters_ = std::make_unique<DeadLetters>(
      std::move(letters), delivery_worker_, counters_, log_,
      [this](core::OutgoingMessage message, std::function<void(base::Status)> done) {
        publisher_->publish(std::move(message), publish_deadline(base::TimePoint::max()),
                            std::move(done));
      },
      [this](core::InboxId id) { dispatcher_->dead_lettered(id); });
}

void MqttInstance::make_keeper(core::DurableInbox& durable) {
  keeper_ = std::make_unique<InboxKeeper>(
      durable, delivery_worker_, log_,
      InboxKeeper::Hooks{
          .disk_fails =
              [this](const base::Status& cause) {
                {
                  base::MutexLock lock(mutex_);
                  disk_health_ = cause.with_context("the inbox cannot be written");
                }
                stop_intake(IntakeGate::kDiskFails);
              },
          .disk_works =
              [this] {
                {
                  base::MutexLock lock(mutex_);
                  disk_health_ = {};
                }
                dispatcher_->look_at_intake();  // what was given back may have made room
                go_on(IntakeGate::kDiskFails);
              },
      });
}

void MqttInstance::stop_intake(IntakeGate::Reason reason) {
  if (gate_.shut(reason)) subscriptions_->suspend();
}

void MqttInstance::go_on(IntakeGate::Reason reason) {
  if (gate_.open(reason)) subscriptions_->resume();
}

std::unique_ptr<core::BrokerConsumer> MqttInstance::make_consumer(
    std::size_t index, core::ConnectionListener& listener) {
  while (sinks_.size() <= index) sinks_.push_back(intake_->sink(sinks_.size()));
  core::ConnectionOptions options = settings_.connection;
  options.client_id = consumer_client_id(options.client_id, index);
  if (index != 0) options.will.reset();  // one for the instance
  core::PacketStore* packets =
      durable_ != nullptr ? &durable_->session().packets(index) : nullptr;
  return broker_.make_consumer(std::move(options), listener, *sinks_[index], packets, log_);
}

void MqttInstance::routes_changed(const subscribe::ConnectionPlan& plan) {
  for (std::size_t i = 0; i < plan.connections(); ++i) routes_.set(i, plan.filters(i));
}

void MqttInstance::subscription_ended(const core::TopicFilter& filter) {
  ready_.ended(filter);
  dispatcher_->discard(filter);
}

void MqttInstance::grace_over() { dispatcher_->abandon_unopened(); }

void MqttInstance::health_changed(const base::Status& health) {
  ready_.healthy(health.ok());
  base::MutexLock lock(mutex_);
  receive_health_ = health;
}

}  // namespace dapr_mqtt::instance
