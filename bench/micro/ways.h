// The two ways of a message, on one thread and in virtual time, for counting and
// timing: what an instance wires together, without its threads, gRPC and Paho.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dapr/message_metadata.h"
#include "dapr_mqtt/core/event_ids.h"
#include "dapr_mqtt/delivery/dispatcher.h"
#include "dapr_mqtt/delivery/intake.h"
#include "dapr_mqtt/delivery/intake_control.h"
#include "dapr_mqtt/instance/instance.h"
#include "dapr_mqtt/publish/publish_options.h"
#include "dapr_mqtt/publish/publisher.h"
#include "dapr_mqtt/storage/durable_inbox.h"
#include "dapr_mqtt/storage/memory_inbox.h"
#include "support/manual_executor.h"
#include "support/scratch_folder.h"

namespace dapr_mqtt::bench {

inline constexpr std::size_t kPayload = 256;

class SilentLogger final : public base::Logger {
 public:
  bool enabled(base::LogLevel) const override { return false; }
  void write(base::LogLevel, std::string_view, std::string_view) override {}
};

/// Keeps what is published until it is told to answer the oldest.
class WaitingBroker final : public core::BrokerPublisher {
 public:
  explicit WaitingBroker(std::size_t window) : window_(window) {}
  void open() override {}
  void reconnect(base::Status) override {}
  void close(std::function<void()> closed) override { closed(); }
  base::Status publish(const core::OutgoingMessage& message, Completion done) override {
    bytes_ += message.payload.size();
    open_.push_back(std::move(done));
    return {};
  }
  std::size_t max_in_flight(core::QoS) const override { return window_; }

  bool answer() {
    if (open_.empty()) return false;
    const Completion done = std::move(open_.front());
    open_.pop_front();
    done({});
    return true;
  }

 private:
  const std::size_t window_;
  std::size_t bytes_ = 0;
  std::deque<Completion> open_;
};

/// From the request to the caller's answer.
class PublishWay {
 public:
  explicit PublishWay(std::size_t window) : broker_(window) {
    publisher_.connection_up();
    executor_.run();
  }

  /// As MqttInstance::publish does.
  void publish(const std::string& topic_text) {
    instance::PublishRequest request;
    request.topic = topic_text;
    request.payload.assign(kPayload, 'x');
    request.metadata.emplace("qos", "1");
    auto topic = core::TopicName::parse(request.topic);
    const auto options = publish::parse_publish_options(request.metadata, {});
    publisher_.publish({std::move(topic).value(), std::move(request.payload), options.value().qos,
                        options.value().retain, options.value().properties},
                       executor_.now() + std::chrono::seconds(20),
                       [this](const base::Status& status) { answered_ += status.ok() ? 1 : 0; });
  }
  void run() { executor_.run(); }
  bool answer() { return broker_.answer(); }
  std::size_t answered() const { return answered_; }

 private:
  testing::ManualExecutor executor_;
  WaitingBroker broker_;
  core::Counters counters_;
  SilentLogger logger_;
  publish::Publisher publisher_{
      executor_, broker_, counters_, base::Log(logger_), {1'000'000, std::size_t{1} << 40U}};
  std::size_t answered_ = 0;
};

enum class InboxKind { kMemory, kDurable };

/// The inbox of an instance, in a folder of its own.
class OwnInbox {
 public:
  explicit OwnInbox(InboxKind kind) {
    const core::InboxLimits limits{1'000'000, std::size_t{1} << 40U};
    if (kind == InboxKind::kMemory) {
      inbox_ = std::make_unique<storage::MemoryInbox>(
          limits, storage::SpillOptions{.folder = folder_.path().string()}, log_);
    } else {
      storage::DurableInboxOptions options;
      options.state_dir = folder_.path().string();
      options.identity = options.consumer_id = "bench";
      options.limits = limits;
      inbox_ = storage::open_durable_inbox(options, log_).value();
    }
  }
  core::Inbox& operator*() { return *inbox_; }
  core::Inbox* operator->() { return inbox_.get(); }
  /// Of a durable one.
  core::SessionStore& session() { return dynamic_cast<core::DurableInbox&>(*inbox_).session(); }

 private:
  testing::ScratchFolder folder_;
  SilentLogger logger_;
  base::Log log_{logger_};
  std::unique_ptr<core::Inbox> inbox_;
};

/// What is kept of a message for its events, from its arrival to its acknowledgement.
class EventIdsWay {
 public:
  EventIdsWay() {
    message_.topic = "plant/line-10000/temperature";
    message_.payload.assign(kPayload, 'x');
    message_.qos = core::QoS::kAtLeastOnce;
  }
  /// False: it cannot be written.
  bool receive() {
    message_.event_seed = 0;
    message_.packet.id = ++last_id_ == 0 ? ++last_id_ : last_id_;
    ids_.push_back(message_.packet.id);
    inbox_.session().event_ids(0)->received(message_, true);
    return message_.event_seed != 0;
  }
  void acknowledge() {
    inbox_.session().packets(0).acknowledging(ids_);
    ids_.clear();
  }

 private:
  OwnInbox inbox_{InboxKind::kDurable};
  core::IncomingMessage message_;
  std::uint16_t last_id_ = 0;
  std::vector<core::PacketStore::Id> ids_;
};

/// From the broker's message to the settled inbox.
class DeliverWay {
 public:
  /// A stream for each filter.
  DeliverWay(InboxKind kind, const std::vector<std::string>& filters, std::size_t window)
      : inbox_(kind) {
    delivery::Policy policy;
    policy.window = {window, std::size_t{1} << 40U};
    delivery::IntakeOptions options;
    options.persistent = kind == InboxKind::kDurable;
    std::vector<core::TopicFilter> parsed;
    for (const std::string& text : filters) {
      parsed.push_back(core::TopicFilter::parse(text).value());
    }
    routes_.set(0, parsed);
    control_ = std::make_unique<delivery::IntakeControl>(true, executor_, *inbox_, counters_, log_,
                                                         delivery::IntakeHooks{});
    dispatcher_ =
        std::make_unique<delivery::Dispatcher>(policy, executor_, clock_, *inbox_, *control_,
                                               counters_, log_, delivery::DispatcherHooks{});
    intake_ = std::make_unique<delivery::Intake>(options, routes_, *inbox_, dispatcher_->arrivals(),
                                                 executor_, clock_, counters_, log_, nullptr);
    sink_ = intake_->sink(0);
    for (const core::TopicFilter& filter : parsed) {
      auto app = std::make_shared<App>(delivered_);
      app->stream = dispatcher_->open(filter, app);
    }
    executor_.run();
  }

  void receive(const std::string& topic) {
    core::IncomingMessage message;
    message.topic = topic;
    message.payload.assign(kPayload, 'x');
    message.qos = core::QoS::kAtLeastOnce;
    static_cast<void>(sink_->on_message(std::move(message)));
    sink_->commit_received();  // each by itself: the most that it costs
  }
  void run() { executor_.run(); }
  /// Acknowledges the oldest that is in an app's hands.
  bool acknowledge() {
    if (delivered_.empty()) return false;
    const auto [stream, id] = delivered_.front();
    delivered_.pop_front();
    dispatcher_->acknowledge(stream, id, std::nullopt);
    return true;
  }
  std::size_t in_flight() const { return dispatcher_->in_flight(); }
  std::size_t in_inbox() { return inbox_->usage().messages; }
  std::size_t acknowledged() const { return counters_.acknowledged.load(); }

 private:
  using Delivered = std::deque<std::pair<delivery::StreamId, core::InboxId>>;

  /// Makes of a delivery what the pull stream does, but for gRPC's own part.
  struct App final : core::Subscriber {
    explicit App(Delivered& to) : delivered(to) {}
    core::DeliverResult deliver(const core::Delivery& delivery) override {
      entries += dapr::message_metadata(delivery).size();
      delivered.emplace_back(stream, delivery.id);
      return core::DeliverResult::kSent;
    }
    delivery::StreamId stream = 0;
    std::size_t entries = 0;
    Delivered& delivered;
  };

  SilentLogger logger_;
  base::Log log_{logger_};
  testing::ManualExecutor executor_;
  testing::ManualWallClock clock_{executor_};
  core::Counters counters_;
  Delivered delivered_;
  OwnInbox inbox_;
  delivery::RoutingTable routes_;
  std::unique_ptr<delivery::IntakeControl> control_;
  std::unique_ptr<delivery::Dispatcher> dispatcher_;
  std::unique_ptr<delivery::Intake> intake_;
  std::unique_ptr<core::MessageSink> sink_;
};

}  // namespace dapr_mqtt::bench
