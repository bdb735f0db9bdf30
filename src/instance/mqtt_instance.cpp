#include "instance/mqtt_instance.h"

#include <algorithm>
#include <limits>
#include <random>
#include <utility>

#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/publish/publish_options.h"
#include "dapr_mqtt/storage/memory_inbox.h"
#include "instance/bulk_answer.h"
#include "instance/client_identity.h"
#include "instance/marking_publisher.h"
#include "instance/mqtt_stream.h"

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

core::ConnectionOptions publisher_options(core::ConnectionOptions options) {
  options.client_id = publisher_client_id(options.client_id);
  options.clean_session = true;  // nothing is subscribed, and resending is ours
  options.will.reset();          // the consumer's alone
  return options;
}

}  // namespace

MqttInstance::MqttInstance(std::string name, core::Metadata metadata,
                           config::ComponentSettings settings, core::BrokerClientFactory& broker,
                           base::Logger& logger, std::shared_ptr<IdentityRegistry::Claim> claim,
                           std::unique_ptr<core::DurableInbox> durable, std::string state_dir)
    : name_(std::move(name)),
      metadata_(std::move(metadata)),
      settings_(std::move(settings)),
      broker_(broker),
      log_(logger, name_),
      publish_health_(base::unavailable("not connected yet")),
      claim_(std::move(claim)) {
  publisher_connection_ = std::make_unique<MarkingPublisher>(
      broker_.make_publisher(publisher_options(settings_.connection), *this, log_), own_messages_);
  publisher_ = std::make_unique<publish::Publisher>(publish_worker_, *publisher_connection_,
                                                    counters_);
  make_way_in(std::move(durable), state_dir);
}

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
                stop_intake(IntakeGate::kDiskFails);
                base::MutexLock lock(mutex_);
                disk_health_ = cause.with_context("the inbox cannot be written");
              },
          .disk_works =
              [this] {
                {
                  base::MutexLock lock(mutex_);
                  disk_health_ = {};
                }
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

MqttInstance::~MqttInstance() {
  publisher_->stop();  // whatever is unanswered gets its answer
  publish_worker_.stop();
  delivery_worker_.stop();
  // The connections go first of all members: until then they may still report
  // and bring messages.
  publisher_connection_.reset();
  subscriptions_.reset();
  if (durable_ != nullptr) durable_->close();  // before another may want it
  all_closed();  // for those who asked and let go before it was done
}

void MqttInstance::open(FirstAttempt first_attempt) {
  {
    base::MutexLock lock(mutex_);
    first_attempt_ = std::move(first_attempt);
  }
  publisher_connection_->open();
}

std::vector<std::string> MqttInstance::features() const {
  // The last one is no feature of Dapr's: it shows in /v1.0/metadata which
  // pubsub.mqtt is running, since daprd has one built in.
  std::vector<std::string> features = {"BULK_PUBSUB", "SUBSCRIBE_WILDCARDS",
                                       "BULK_SUBSCRIBE_IMMEDIATE", "DAPR_PUBSUB_MQTT_CPP"};
  // Without it daprd sees to expiry itself, by the CloudEvent's time.
  if (settings_.connection.protocol == core::ProtocolVersion::kMqtt5) {
    features.emplace_back("MESSAGE_TTL");
  }
  return features;
}

base::TimePoint MqttInstance::publish_deadline(base::TimePoint callers) const {
  return std::min(callers, publish_worker_.now() + settings_.publish_timeout);
}

void MqttInstance::publish(PublishRequest request, std::function<void(base::Status)> done) {
  auto topic = core::TopicName::parse(request.topic);
  if (!topic.ok()) {
    done(topic.status());
    return;
  }
  const auto options = publish::parse_publish_options(
      request.metadata, {settings_.qos, settings_.retain, settings_.connection.protocol});
  if (!options.ok()) {
    done(options.status().with_context("topic " + base::quote(request.topic)));
    return;
  }
  publisher_->publish({std::move(topic).value(), std::move(request.payload), options.value().qos,
                       options.value().retain, options.value().properties},
                      publish_deadline(request.deadline), std::move(done));
}

void MqttInstance::bulk_publish(BulkPublishRequest request,
                                std::function<void(std::vector<FailedEntry>)> done) {
  if (request.entries.empty()) {
    done({});
    return;
  }
  std::vector<std::string> ids;
  for (const BulkEntry& entry : request.entries) ids.push_back(entry.id);
  const auto answer = std::make_shared<BulkAnswer>(std::move(ids), std::move(done));
  for (std::size_t i = 0; i < request.entries.size(); ++i) {
    BulkEntry& entry = request.entries[i];
    core::Metadata metadata = std::move(entry.metadata);
    metadata.insert(request.metadata.begin(), request.metadata.end());  // the entry's own win
    publish({request.topic, std::move(entry.payload), std::move(metadata), request.deadline},
            [answer, i](const base::Status& status) { answer->entry(i, status); });
  }
}

void MqttInstance::pause() { dispatcher_->pause(); }

void MqttInstance::resume() { dispatcher_->resume(); }

base::Status MqttInstance::health() const {
  base::MutexLock lock(mutex_);
  if (!disk_health_.ok()) return disk_health_;
  return publish_health_.ok() ? receive_health_ : publish_health_;
}

InstanceFacts MqttInstance::facts() const {
  InstanceFacts facts;
  facts.consumer_id = settings_.connection.client_id;
  facts.inbox = inbox_->usage();
  facts.inbox_limits = inbox_limits_;
  facts.oldest_received = inbox_->oldest_received();
  facts.health = health();
  base::MutexLock lock(mutex_);
  facts.publisher_connected = publish_health_.ok();
  return facts;
}

void MqttInstance::drain(base::TimePoint deadline, std::function<void()> done) {
  // Three ways end in one answer: deliveries and publishes both idle, or time up.
  struct Drain {
    std::function<void()> done;
    int open = 2;
  };
  auto drain = std::make_shared<Drain>(Drain{std::move(done)});
  const auto one_idle = [drain] {
    if (--drain->open == 0 && drain->done) std::exchange(drain->done, nullptr)();
  };
  delivery_worker_.post([this, deadline, drain, one_idle] {
    stop_intake(IntakeGate::kDraining);
    dispatcher_->drain(one_idle);
    publisher_->when_idle([this, one_idle] { delivery_worker_.post(one_idle); });
    delivery_worker_.post_at(deadline, [drain] {
      if (drain->done) std::exchange(drain->done, nullptr)();
    });
  });
}

void MqttInstance::close(std::function<void()> done) {
  bool begin = false;
  bool already = false;
  {
    base::MutexLock lock(mutex_);
    already = closed_;
    if (!already) {
      close_waiters_.push_back(std::move(done));
      begin = !std::exchange(closing_, true);
      if (begin) connections_to_close_ = 2;
    }
  }
  if (already) {
    done();
    return;
  }
  if (!begin) return;
  const auto one_closed = [this] {
    bool last = false;
    {
      base::MutexLock lock(mutex_);
      last = --connections_to_close_ == 0;
    }
    if (last) all_closed();
  };
  publisher_->stop();
  publisher_connection_->close(one_closed);
  delivery_worker_.post([this, one_closed] {
    dispatcher_->drain([] {});  // no delivery any more, and no way back
    if (dead_letters_) dead_letters_->stop();
    subscriptions_->close([this, one_closed] {
      if (durable_ != nullptr) durable_->close();  // nothing comes in any more
      one_closed();
    });
  });
}

void MqttInstance::all_closed() {
  std::vector<std::function<void()>> waiters;
  std::shared_ptr<IdentityRegistry::Claim> claim;
  {
    base::MutexLock lock(mutex_);
    closed_ = true;
    waiters.swap(close_waiters_);
    claim.swap(claim_);
  }
  claim.reset();  // another instance may use the consumerID from here on
  for (const auto& waiter : waiters) waiter();
}

std::shared_ptr<Stream> MqttInstance::open_stream(std::shared_ptr<core::Subscriber> subscriber) {
  return std::make_shared<MqttStream>(
      shared_from_this(), std::move(subscriber));
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

void MqttInstance::on_connected(bool) {
  core::bump(counters_.connections);
  FirstAttempt first;
  {
    base::MutexLock lock(mutex_);
    publish_health_ = {};
    first.swap(first_attempt_);
  }
  publisher_->connection_up();
  if (first) first({});
}

void MqttInstance::on_disconnected(const base::Status& cause) {
  core::connection_failed(counters_);
  FirstAttempt first;
  {
    base::MutexLock lock(mutex_);
    publish_health_ = cause.with_context("not connected for publishing");
    first.swap(first_attempt_);
  }
  publisher_->connection_down(cause);
  if (first) first(cause);
}

}  // namespace dapr_mqtt::instance
