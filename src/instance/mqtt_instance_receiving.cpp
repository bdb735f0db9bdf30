// The receiving side of an instance: inbox, dispatcher, intake and subscriptions.
#include <algorithm>
#include <random>
#include <utility>

#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/inspect/share_check.h"
#include "dapr_mqtt/storage/memory_inbox.h"
#include "instance/client_identity.h"
#include "instance/mqtt_instance.h"

namespace dapr_mqtt::instance {
namespace {

// The limit of an inbox that has no disk. Messages past it are dropped (oldest first)
// and counted.
constexpr std::size_t kMaxBytesInMemory = 32U << 20U;
/// The broker must have some messages to send while acknowledgements are on their way to it.
constexpr std::size_t kLeastReceiveMaximum = 20;

delivery::Policy policy_of(const config::ComponentSettings& settings) {
  delivery::Policy policy;
  policy.max_retries = settings.max_retries;
  policy.retry_interval = settings.retry_interval;
  policy.order = settings.order;
  policy.window.messages = settings.max_handlers;
  return policy;
}

}  // namespace

void MqttInstance::make_receiving(std::unique_ptr<core::DurableInbox> durable,
                                  const FactoryOptions& options) {
  persistent_ = !settings_.connection.clean_session;
  core::InboxLimits limits = settings_.inbox_limits;
  if (durable) {
    durable_ = durable.get();
    inbox_ = std::move(durable);
    make_keeper(*durable_);
  } else if (!persistent_ && !options.state_dir.empty()) {
    inbox_ = std::make_unique<storage::MemoryInbox>(
        limits, storage::SpillOptions{.folder = options.state_dir}, log_);
  } else {
    limits.max_bytes = std::min(limits.max_bytes, kMaxBytesInMemory);
    inbox_ = std::make_unique<storage::MemoryInbox>(limits);
  }
  inbox_limits_ = limits;
  if (options.return_free_memory) {
    MemoryReturn::Load load;
    load.in_use = [this] {
      return inbox_->usage().bytes + static_cast<std::size_t>(counters_.publish_bytes_pending);
    };
    load.passed = [this] { return counters_.published_bytes + counters_.received_bytes; };
    memory_return_.emplace(delivery_worker_, std::move(load), options.return_free_memory);
  }
  make_intake_control();
  delivery::DispatcherHooks hooks;
  hooks.arrived = [this] {
    if (hold_watch_) hold_watch_->arrived();
    if (memory_return_) memory_return_->arrived();
  };
  if (settings_.dead_letter_topic) {
    hooks.dead_letter = [this](const delivery::GivenUp& g) { dead_letters_->take(g); };
  }
  dispatcher_ = std::make_unique<delivery::Dispatcher>(policy_of(settings_), delivery_worker_,
                                                       clock_, *inbox_, *intake_control_, counters_,
                                                       log_, std::move(hooks));
  if (settings_.dead_letter_topic) make_dead_letters();
  delivery::IntakeOptions intake;
  intake.persistent = persistent_;
  intake.keep = settings_.inbox == config::Inbox::kDisk && durable_ != nullptr ? core::Keep::kStore
                                                                               : core::Keep::kHold;
  intake.limits = limits;
  intake.dead_letters = dead_letters_ != nullptr;
  intake.ignored = inspect::kShareCheckTopics;
  intake_ = std::make_unique<delivery::Intake>(
      intake, routes_, *inbox_, dispatcher_->arrivals(), delivery_worker_, clock_, counters_, log_,
      [this](const base::Status& cause) {
        if (keeper_) keeper_->disk_failed(cause);  // a memory inbox has none, and does not fail
      },
      [this](const core::TopicFilter& filter, const core::IncomingMessage& message) {
        return own_messages_.unwanted(filter, message);
      },
      [this](const core::TopicFilter& filter) { return event_filters_.contains(filter); });
  if (durable_ != nullptr && intake.keep == core::Keep::kHold) {
    hold_watch_ =
        std::make_unique<delivery::HoldWatch>(delivery_worker_, *inbox_, *intake_, *dispatcher_);
  }
  subscribe::Subscriptions::Settings subscriptions;
  subscriptions.clean_session = !persistent_;
  subscriptions.seed = std::random_device{}();
  // No later process resumes a session with a random client ID.
  if (durable_ != nullptr && !settings_.random_client_id) {
    subscriptions.session = &durable_->session();
  }
  subscribe::SubscriptionHost& host = *this;
  subscriptions_ = std::make_unique<subscribe::Subscriptions>(delivery_worker_, host, subscriptions,
                                                              counters_, log_);
}

void MqttInstance::make_intake_control() {
  // The hold watch does it otherwise.
  const auto store_held = [this] {
    if (!hold_watch_) inbox_->store_held(inbox_->last_id());
  };
  delivery::IntakeHooks hooks;
  hooks.room = store_held;
  hooks.full = [this] {
    core::bump(counters_.intake_paused);
    log_.warn("the inbox is full (" + std::to_string(inbox_->usage().messages) +
              " messages wait for the app): what comes in stays at the broker, without an "
              "acknowledgement, until half is handled");
  };
  hooks.overfull = [this] {
    log_.warn(
        "the inbox is full and the broker goes on sending without acknowledgements: receiving "
        "stops, and the broker queues for this session, until half is handled");
    stop_intake(IntakeGate::kInboxFull);
  };
  hooks.resume = [this, store_held] {
    log_.info("half of the inbox is free again");
    store_held();
    resume_intake(IntakeGate::kInboxFull);
  };
  const bool stores = durable_ != nullptr || !persistent_;
  intake_control_ = std::make_unique<delivery::IntakeControl>(stores, delivery_worker_, *inbox_,
                                                              counters_, log_, std::move(hooks));
}

void MqttInstance::make_dead_letters() {
  DeadLetters::Settings letters{.topic = *settings_.dead_letter_topic,
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
                base::MutexLock lock(mutex_);
                disk_health_ = cause.with_context("the inbox cannot be written");
              },
          .disk_works =
              [this] {
                base::MutexLock lock(mutex_);
                disk_health_ = {};
              },
      });
}

void MqttInstance::stop_intake(IntakeGate::Reason reason) {
  if (gate_.shut(reason)) subscriptions_->suspend();
}

void MqttInstance::resume_intake(IntakeGate::Reason reason) {
  if (gate_.open(reason)) subscriptions_->resume();
}

std::unique_ptr<core::BrokerConsumer> MqttInstance::make_consumer(
    std::size_t index, core::ConnectionListener& listener) {
  while (sinks_.size() <= index) {
    sinks_.push_back(intake_->sink(sinks_.size(), event_ids(sinks_.size())));
  }
  core::ConnectionOptions options = settings_.connection;
  options.client_id = consumer_client_id(options.client_id, index);
  options.first_connect_timeout.reset();  // Init waits for the publisher only
  options.max_payload = delivery::kMaxPayload;
  if (persistent_) {
    options.receive_maximum = static_cast<std::uint16_t>(
        std::clamp<std::size_t>(settings_.max_handlers, kLeastReceiveMaximum, 65535));
  }
  if (index != 0) options.will.reset();  // one will for the instance
  core::PacketStore* packets = durable_ != nullptr ? &durable_->session().packets(index) : nullptr;
  return broker_.make_consumer(std::move(options), listener, *sinks_[index], packets, log_);
}

core::EventIds* MqttInstance::event_ids(std::size_t connection) {
  // No later process resumes a session with a random client ID.
  if (durable_ == nullptr || settings_.random_client_id) return nullptr;
  return durable_->session().event_ids(connection);
}

void MqttInstance::routes_changed(const subscribe::ConnectionPlan& plan) {
  for (std::size_t i = 0; i < plan.connections(); ++i) routes_.set(i, plan.filters(i));
}

void MqttInstance::subscription_ended(const core::TopicFilter& filter) {
  ready_.ended(filter);
  event_filters_.ended(filter);
  const std::size_t dropped = intake_control_->discard(filter);
  if (dropped == 0) return;
  core::bump(counters_.dropped_ended, dropped);
  log_.warn("topic filter " + base::quote(filter.str()) + ": its last stream was closed and the " +
            "subscription ended; " + std::to_string(dropped) +
            " message(s) that waited for the app are dropped" +
            (settings_.connection.clean_session ? " (cleanSession: \"false\" keeps them)" : ""));
}

/// The broker does not have the held messages any more: store them.
void MqttInstance::session_lost() {
  if (persistent_) inbox_->store_held(inbox_->last_id());
}

void MqttInstance::granted(const core::TopicFilter& filter, std::size_t endpoint) {
  group_check_.granted(filter, endpoint);
}

void MqttInstance::grace_over() { intake_control_->abandon_unopened(); }

void MqttInstance::answer_missing(const std::optional<core::MissingAnswer>& answer) {
  base::MutexLock lock(mutex_);
  receive_missing_ = answer;
}

void MqttInstance::health_changed(const base::Status& health) {
  ready_.healthy(health.ok());
  base::MutexLock lock(mutex_);
  receive_health_ = health;
}

}  // namespace dapr_mqtt::instance
