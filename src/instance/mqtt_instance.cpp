#include "instance/mqtt_instance.h"

#include <algorithm>
#include <utility>

#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/publish/publish_options.h"
#include "instance/bulk_answer.h"
#include "instance/client_identity.h"
#include "instance/marking_publisher.h"
#include "instance/mqtt_stream.h"

namespace dapr_mqtt::instance {
namespace {

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
