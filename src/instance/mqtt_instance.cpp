#include "instance/mqtt_instance.h"

#include <algorithm>
#include <utility>

#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/publish/publish_options.h"
#include "instance/bulk_answer.h"
#include "instance/client_identity.h"
#include "instance/marking_publisher.h"
#include "instance/mqtt_stream.h"
#include "instance/outgoing_payload.h"

namespace dapr_mqtt::instance {
namespace {

core::ConnectionOptions publisher_options(core::ConnectionOptions options) {
  options.client_id = options.publisher_client_id.empty() ? publisher_client_id(options.client_id)
                                                          : options.publisher_client_id;
  options.clean_session = true;  // it subscribes to nothing, and publish::Publisher resends
  options.will.reset();          // only the consumer has the will
  return options;
}

publish::PublisherLimits publisher_limits(const config::ComponentSettings& settings) {
  // With a long publishTimeout a late acknowledgement is no error, and a short delay of the broker
  // must not end the connection.
  constexpr base::Duration kLeastAckTimeout = std::chrono::seconds(10);
  publish::PublisherLimits limits;
  limits.ack_timeout = std::max<base::Duration>(settings.publish_timeout, kLeastAckTimeout);
  return limits;
}

}  // namespace

MqttInstance::MqttInstance(std::string name, core::Metadata metadata,
                           config::ComponentSettings settings, core::BrokerClientFactory& broker,
                           base::Logger& logger, std::shared_ptr<IdentityRegistry::Claim> claim,
                           std::unique_ptr<core::DurableInbox> durable,
                           const FactoryOptions& options)
    : name_(std::move(name)),
      metadata_(std::move(metadata)),
      settings_(std::move(settings)),
      broker_(broker),
      log_(logger, name_),
      publish_worker_("mqtt-publish", options.sending_thread),
      group_check_(broker, logger, name_, settings_.connection),
      publish_health_(base::unavailable("not connected yet")),
      claim_(std::move(claim)) {
  publisher_connection_ = std::make_unique<MarkingPublisher>(
      broker_.make_publisher(publisher_options(settings_.connection), *this, log_), own_messages_);
  publisher_ =
      std::make_unique<publish::Publisher>(publish_worker_, *publisher_connection_, counters_, log_,
                                           publisher_limits(settings_), [this](const auto& answer) {
                                             base::MutexLock lock(mutex_);
                                             publish_missing_ = answer;
                                           });
  make_receiving(std::move(durable), options);
}

MqttInstance::~MqttInstance() {
  group_check_.stop();
  publisher_->stop();  // answers all publishes that are still open
  publish_worker_.stop();
  delivery_worker_.stop();
  // The connections must be destroyed before the other members, which they call with
  // events and messages.
  publisher_connection_.reset();
  subscriptions_.reset();
  if (durable_ != nullptr) durable_->close();  // before the next instance may open it
  all_closed();                                // for calls of close() that are not answered yet
}

void MqttInstance::open(FirstAttempt first_attempt) {
  {
    base::MutexLock lock(mutex_);
    first_attempt_ = std::move(first_attempt);
  }
  publisher_connection_->open();
}

std::vector<std::string> MqttInstance::features() const {
  // The last one is not a feature of Dapr: it shows in /v1.0/metadata which
  // pubsub.mqtt is running, since daprd has one built in.
  std::vector<std::string> features = {"BULK_PUBSUB", "SUBSCRIBE_WILDCARDS",
                                       "BULK_SUBSCRIBE_IMMEDIATE", "DAPR_PUBSUB_MQTT_CPP"};
  // Without this feature daprd handles expiry itself, by the CloudEvent's time.
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
  auto options = publish::parse_publish_options(
      request.metadata,
      {settings_.qos, settings_.retain, settings_.connection.protocol, settings_.publish_payload});
  const base::Status shaped =
      options.ok() ? shape_payload(request.payload, options.value(), settings_.connection.protocol)
                   : options.status();
  if (!shaped.ok()) {
    done(shaped.with_context("topic " + base::quote(request.topic)));
    return;
  }
  if (!options.value().unknown_keys.empty()) {
    for (const std::string& line : misspelt_keys_.report(options.value().unknown_keys)) {
      log_.warn(line);
    }
  }
  publisher_->publish({std::move(topic).value(), std::move(request.payload), options.value().qos,
                       options.value().retain, options.value().properties},
                      publish_deadline(request.deadline), std::move(done));
  if (memory_return_) memory_return_->arrived();
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
    metadata.insert(request.metadata.begin(), request.metadata.end());  // keeps the entry's values
    publish({request.topic, std::move(entry.payload), std::move(metadata), request.deadline},
            [answer, i](const base::Status& status) { answer->entry(i, status); });
  }
}

void MqttInstance::pause() { dispatcher_->pause(); }

void MqttInstance::resume() { dispatcher_->resume(); }

base::Status MqttInstance::health() const {
  base::MutexLock lock(mutex_);
  if (!disk_health_.ok()) return disk_health_;
  if (!publish_health_.ok()) return publish_health_;
  if (publish_missing_) return publish_missing_->status().with_context("publishing");
  return receive_health_;
}

InstanceFacts MqttInstance::facts() const {
  InstanceFacts facts;
  facts.consumer_id = settings_.connection.client_id;
  facts.inbox = inbox_->usage();
  facts.inbox_limits = inbox_limits_;
  facts.oldest_received = inbox_->oldest_received();
  if (persistent_) facts.held = inbox_->held();
  if (durable_ != nullptr) {
    facts.stored.messages =
        facts.inbox.messages - std::min(facts.inbox.messages, facts.held.usage.messages);
    facts.stored.bytes = facts.inbox.bytes - std::min(facts.inbox.bytes, facts.held.usage.bytes);
  }
  facts.health = health();
  facts.group_problem = group_check_.problem();
  base::MutexLock lock(mutex_);
  facts.publisher_connected = publish_health_.ok();
  facts.credentials = credentials_;
  for (const auto& answer : {publish_missing_, receive_missing_}) {
    if (answer) facts.missing_answers.push_back(*answer);
  }
  return facts;
}

void MqttInstance::drain(base::TimePoint deadline, std::function<void()> done) {
  // `done` is called once: when both deliveries and publishes are idle, or at the deadline.
  struct Drain {
    std::function<void()> done;
    int open = 2;
  };
  auto drain = std::make_shared<Drain>(Drain{std::move(done)});
  const auto one_idle = [drain] {
    if (--drain->open == 0 && drain->done) std::exchange(drain->done, nullptr)();
  };
  delivery_worker_.post([this, deadline, drain, one_idle] {
    if (persistent_) {
      // The connection stays, for the acknowledgements of messages that the app is handling.
      intake_->hold_all();
      if (hold_watch_) hold_watch_->stop();
    } else {
      stop_intake(IntakeGate::kDraining);
    }
    dispatcher_->drain(one_idle);
    publisher_->when_idle([this, one_idle] { delivery_worker_.post(one_idle); });
    delivery_worker_.post_at(deadline, [drain] {
      if (drain->done) std::exchange(drain->done, nullptr)();
    });
  });
}

void MqttInstance::close(std::function<void()> done) {
  bool begin = false;
  std::function<void()> already;
  {
    base::MutexLock lock(mutex_);
    if (closed_) {
      already = std::move(done);
    } else {
      close_waiters_.push_back(std::move(done));
      begin = !std::exchange(closing_, true);
      if (begin) connections_to_close_ = 2;
    }
  }
  if (already) return already();
  if (!begin) return;
  const auto one_closed = [this] {
    bool last = false;
    {
      base::MutexLock lock(mutex_);
      last = --connections_to_close_ == 0;
    }
    if (last) all_closed();
  };
  group_check_.stop();
  publisher_->stop();
  publisher_connection_->close(one_closed);
  delivery_worker_.post([this, one_closed] {
    dispatcher_->drain([] {});  // stops deliveries for good
    if (dead_letters_) dead_letters_->stop();
    if (hold_watch_) hold_watch_->stop();
    // Store what is to be stored, and acknowledge it while there is a connection: else the next
    // instance would get these messages both from the disk and from the broker.
    base::Result<bool> more = durable_ != nullptr;
    while (more.ok() && more.value()) more = durable_->flush();
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
  return std::make_shared<MqttStream>(shared_from_this(), std::move(subscriber));
}

void MqttInstance::on_connected(const core::SessionFound& session) {
  core::bump(counters_.connections);
  FirstAttempt first;
  {
    base::MutexLock lock(mutex_);
    publish_health_ = {};
    first.swap(first_attempt_);
  }
  publisher_->connection_up(session.endpoint);
  delivery_worker_.post([this] {
    if (dead_letters_) dead_letters_->connected();
  });
  if (first) first({});
}

void MqttInstance::on_credentials(const core::CredentialsReport& report) {
  base::MutexLock lock(mutex_);
  credentials_ = report;
}

void MqttInstance::on_disconnected(const base::Status& cause, core::ConnectionEnd end) {
  // A renewal connects again at once; if that fails, the failed attempt is reported.
  if (end == core::ConnectionEnd::kRenewal) {
    core::bump(counters_.credential_renewals);
    return publisher_->connection_down(cause, end);
  }
  core::connection_failed(counters_);
  FirstAttempt first;
  {
    base::MutexLock lock(mutex_);
    publish_health_ = cause.with_context("not connected for publishing");
    first.swap(first_attempt_);
  }
  publisher_->connection_down(cause, end);
  if (first) first(cause);
}

}  // namespace dapr_mqtt::instance
