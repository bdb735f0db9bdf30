// A broker in memory for tests of whole instances: published messages go to the
// subscribers. Clean sessions only.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/base/worker.h"
#include "dapr_mqtt/core/broker.h"

namespace dapr_mqtt::testing {

/// Thread-safe. Calls listeners, sinks and completions on its one thread.
/// Must outlive the connections that it makes.
class LoopbackBroker final : public core::BrokerClientFactory {
 public:
  LoopbackBroker() = default;
  ~LoopbackBroker() override { worker_.stop(); }

  std::unique_ptr<core::BrokerPublisher> make_publisher(core::ConnectionOptions options,
                                                        core::ConnectionListener& listener,
                                                        base::Log) override {
    return std::make_unique<Publisher>(*this, std::move(options), listener);
  }
  std::unique_ptr<core::BrokerConsumer> make_consumer(core::ConnectionOptions options,
                                                      core::ConnectionListener& listener,
                                                      core::MessageSink& sink, core::PacketStore*,
                                                      base::Log) override {
    return std::make_unique<Consumer>(*this, std::move(options), listener, sink);
  }

  /// The result of connection attempts from now on.
  void answer_connects_with(base::Status status) {
    base::MutexLock lock(mutex_);
    connect_answer_ = std::move(status);
  }
  /// Accepts MQTT 5 only.
  void answer_mqtt5_with(base::Result<core::BrokerLimits> answer) {
    base::MutexLock lock(mutex_);
    mqtt5_answer_ = std::move(answer);
  }
  /// Grants shared subscriptions but treats them as topics of that name.
  void ignore_shared() {
    base::MutexLock lock(mutex_);
    ignore_shared_ = true;
  }
  /// Grants shared subscriptions but sends nothing to them.
  void starve_shared() {
    base::MutexLock lock(mutex_);
    starve_shared_ = true;
  }
  /// Refuses shared subscriptions of other groups.
  void allow_no_group_but(std::string group) {
    base::MutexLock lock(mutex_);
    only_group_ = std::move(group);
  }
  /// Retained messages do not come to filters with wildcards.
  void retain_for_exact_filters_only() {
    base::MutexLock lock(mutex_);
    retained_for_exact_only_ = true;
  }
  /// Messages come with slashes in place of the dots in their topics.
  void make_slashes_of_dots() {
    base::MutexLock lock(mutex_);
    slashes_for_dots_ = true;
  }
  /// SUBACKs are held until let_subscribes_go().
  void hold_subscribes() {
    base::MutexLock lock(mutex_);
    hold_subscribes_ = true;
  }
  void let_subscribes_go() {
    std::vector<base::Executor::Task> held;
    {
      base::MutexLock lock(mutex_);
      hold_subscribes_ = false;
      held.swap(held_subscribes_);
    }
    for (auto& task : held) worker_.post(std::move(task));
  }
  void hold_publishes(bool hold) {
    base::MutexLock lock(mutex_);
    hold_publishes_ = hold;
  }

  std::set<std::string> connected_clients() {
    base::MutexLock lock(mutex_);
    std::set<std::string> ids;
    for (const auto& [id, count] : connected_) {
      if (count > 0) ids.insert(id);
    }
    return ids;
  }
  /// The highest QoS that any SUBSCRIBE has asked for.
  core::QoS highest_subscribed() {
    base::MutexLock lock(mutex_);
    return highest_subscribed_;
  }
  /// How many receiving connections there have been.
  int consumers_made() {
    base::MutexLock lock(mutex_);
    return consumers_made_;
  }
  /// How often a client ID connected while it was connected already.
  int takeovers() {
    base::MutexLock lock(mutex_);
    return takeovers_;
  }

 private:
  static constexpr std::size_t kKeptOfOversized = 1024;

  /// What both kinds share.
  class Link {
   public:
    Link(LoopbackBroker& broker, core::ConnectionOptions options,
         core::ConnectionListener& listener)
        : broker_(broker), options_(std::move(options)), listener_(&listener) {}

    void open() {
      broker_.worker_.post([this] {
        base::Status status;
        std::optional<core::BrokerLimits> limits;
        {
          base::MutexLock lock(broker_.mutex_);
          const bool mqtt5 = options_.protocol == core::ProtocolVersion::kMqtt5;
          status = broker_.connect_answer_;
          if (status.ok() && mqtt5) status = broker_.mqtt5_answer_.status();
          if (status.ok() && mqtt5) limits = broker_.mqtt5_answer_.value();
          if (status.ok()) {
            if (++broker_.connected_[options_.client_id] > 1) ++broker_.takeovers_;
            up_ = true;
          }
        }
        if (limits) listener_->on_broker_limits(*limits);
        if (status.ok()) {
          listener_->on_connected({});
        } else {
          listener_->on_disconnected(status, core::ConnectionEnd::kOther);
        }
      });
    }
    void close(std::function<void()> closed) {
      broker_.worker_.post([this, closed = std::move(closed)] {
        {
          base::MutexLock lock(broker_.mutex_);
          if (std::exchange(up_, false)) --broker_.connected_[options_.client_id];
        }
        closed();
      });
    }
    /// Waits until nothing of this is posted any more.
    void finish() {
      base::Mutex mutex;
      base::CondVar cv;
      bool done = false;
      close([&] {
        base::MutexLock lock(mutex);
        done = true;
        cv.notify_one();
      });
      base::MutexLock lock(mutex);
      while (!done) cv.wait(mutex);
    }

    LoopbackBroker& broker_;
    const core::ConnectionOptions options_;
    core::ConnectionListener* listener_;
    bool up_ = false;  // guarded by the broker's mutex
  };

  class Consumer final : public core::BrokerConsumer {
   public:
    Consumer(LoopbackBroker& broker, core::ConnectionOptions options,
             core::ConnectionListener& listener, core::MessageSink& sink)
        : link_(broker, std::move(options), listener), sink_(sink) {
      base::MutexLock lock(broker.mutex_);
      broker.consumers_.push_back(this);
      ++broker.consumers_made_;
    }
    ~Consumer() override {
      {
        base::MutexLock lock(link_.broker_.mutex_);
        std::erase(link_.broker_.consumers_, this);
      }
      link_.finish();
    }
    void open() override { link_.open(); }
    void reconnect(base::Status) override {}
    void close(std::function<void()> closed) override { link_.close(std::move(closed)); }
    void subscribe(const core::TopicFilter& filter, const core::SubscribeOptions& options,
                   Subscribed done) override {
      base::Executor::Task task = [this, filter, options, done = std::move(done)] {
        bool refused = false;
        {
          base::MutexLock lock(link_.broker_.mutex_);
          refused = filter.shared() && link_.broker_.only_group_ &&
                    filter.share_name() != *link_.broker_.only_group_;
        }
        if (refused) return done(base::permission_denied("refused " + filter.str()));
        {
          base::MutexLock lock(link_.broker_.mutex_);
          filters.emplace(filter.str(), std::pair{filter, options.qos});
          link_.broker_.highest_subscribed_ =
              std::max(link_.broker_.highest_subscribed_, options.qos);
        }
        done(options.qos);
        for (core::IncomingMessage& message : link_.broker_.retained_for(filter)) {
          if (sink_.on_message(std::move(message))) {
            static_cast<void>(sink_.commit_received());
          }
        }
      };
      {
        base::MutexLock lock(link_.broker_.mutex_);
        if (link_.broker_.hold_subscribes_) {
          link_.broker_.held_subscribes_.push_back(std::move(task));
          return;
        }
      }
      link_.broker_.worker_.post(std::move(task));
    }
    void unsubscribe(const core::TopicFilter& filter, Unsubscribed done) override {
      link_.broker_.worker_.post([this, filter, done = std::move(done)] {
        {
          base::MutexLock lock(link_.broker_.mutex_);
          filters.erase(filter.str());
        }
        done({});
      });
    }
    void suspend() override {}
    void resume() override {}

    Link link_;
    core::MessageSink& sink_;
    std::map<std::string, std::pair<core::TopicFilter, core::QoS>> filters;
  };

  class Publisher final : public core::BrokerPublisher {
   public:
    Publisher(LoopbackBroker& broker, core::ConnectionOptions options,
              core::ConnectionListener& listener)
        : link_(broker, std::move(options), listener) {}
    ~Publisher() override { link_.finish(); }
    void open() override { link_.open(); }
    void reconnect(base::Status) override {}
    void close(std::function<void()> closed) override { link_.close(std::move(closed)); }
    base::Status publish(const core::OutgoingMessage& message, Completion done) override {
      link_.broker_.worker_.post([this, message, done = std::move(done)] {
        LoopbackBroker& broker = link_.broker_;
        std::vector<Consumer*> to;
        {
          base::MutexLock lock(broker.mutex_);
          if (broker.hold_publishes_) return;  // never answered
          if (message.retain) broker.retain(message);
          // One copy for each client, as some brokers do, and for each shared subscription: to the
          // first member.
          std::set<std::string> shared;
          for (Consumer* consumer : broker.consumers_) {
            for (const auto& [text, entry] : consumer->filters) {
              if (broker.starve_shared_ && entry.first.shared()) continue;
              const bool literal = broker.ignore_shared_ && entry.first.shared();
              if (literal ? text != message.topic.str()
                          : !entry.first.matches(message.topic.str())) {
                continue;
              }
              if (entry.first.shared() && !literal && !shared.insert(text).second) continue;
              to.push_back(consumer);
              break;
            }
          }
        }
        for (Consumer* consumer : to) {
          core::IncomingMessage incoming;
          incoming.topic = broker.topic_of(message);
          incoming.payload = message.payload;
          incoming.qos = message.qos;
          incoming.properties = message.properties;
          if (incoming.payload.size() > consumer->link_.options_.max_payload) {
            incoming.full_size = incoming.payload.size();
            incoming.payload.resize(kKeptOfOversized);
          }
          if (consumer->sink_.on_message(std::move(incoming))) {
            static_cast<void>(consumer->sink_.commit_received());
          }
        }
        done({});
      });
      return {};
    }
    std::size_t max_in_flight(core::QoS) const override { return 50; }

    Link link_;
  };

  void retain(const core::OutgoingMessage& message) DM_REQUIRES(mutex_) {
    retained_.erase(message.topic.str());
    if (!message.payload.empty()) retained_.emplace(message.topic.str(), message.payload);
  }
  std::vector<core::IncomingMessage> retained_for(const core::TopicFilter& filter) {
    base::MutexLock lock(mutex_);
    std::vector<core::IncomingMessage> out;
    if (retained_for_exact_only_ && filter.has_wildcard()) return out;
    for (const auto& [topic, payload] : retained_) {
      if (filter.shared() || !filter.matches(topic)) continue;
      core::IncomingMessage message;
      message.topic = topic;
      message.payload = payload;
      message.retained = true;
      out.push_back(std::move(message));
    }
    return out;
  }
  std::string topic_of(const core::OutgoingMessage& message) {
    base::MutexLock lock(mutex_);
    std::string topic = message.topic.str();
    if (slashes_for_dots_) std::replace(topic.begin(), topic.end(), '.', '/');
    return topic;
  }

  base::Mutex mutex_;
  std::map<std::string, std::string> retained_ DM_GUARDED_BY(mutex_);
  bool retained_for_exact_only_ DM_GUARDED_BY(mutex_) = false;
  bool slashes_for_dots_ DM_GUARDED_BY(mutex_) = false;
  base::Status connect_answer_ DM_GUARDED_BY(mutex_);
  base::Result<core::BrokerLimits> mqtt5_answer_ DM_GUARDED_BY(mutex_){core::BrokerLimits()};
  bool hold_subscribes_ DM_GUARDED_BY(mutex_) = false;
  bool hold_publishes_ DM_GUARDED_BY(mutex_) = false;
  bool ignore_shared_ DM_GUARDED_BY(mutex_) = false;
  bool starve_shared_ DM_GUARDED_BY(mutex_) = false;
  std::optional<std::string> only_group_ DM_GUARDED_BY(mutex_);
  std::vector<base::Executor::Task> held_subscribes_ DM_GUARDED_BY(mutex_);
  std::vector<Consumer*> consumers_ DM_GUARDED_BY(mutex_);
  int consumers_made_ DM_GUARDED_BY(mutex_) = 0;
  std::map<std::string, int> connected_ DM_GUARDED_BY(mutex_);
  core::QoS highest_subscribed_ DM_GUARDED_BY(mutex_) = core::QoS::kAtMostOnce;
  int takeovers_ DM_GUARDED_BY(mutex_) = 0;
  base::Worker worker_{"loopback"};
};

}  // namespace dapr_mqtt::testing
