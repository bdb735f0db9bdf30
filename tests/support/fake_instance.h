// An InstanceFactory, Instance and Stream that record their calls and do what the
// test says, for tests of the gRPC room.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/worker.h"
#include "dapr_mqtt/instance/instance.h"

namespace dapr_mqtt::testing {

/// Shared by all fakes of a test: one lock, and a notification of each change.
class Stage {
 public:
  static constexpr std::chrono::seconds kPatience{20};

  /// Runs `change` under the lock and notifies the waiting threads.
  template <typename F>
  auto change(F&& change) {
    struct Notify {
      std::condition_variable& cv;
      ~Notify() { cv.notify_all(); }
    } notify{changed_};
    std::lock_guard lock(mutex_);
    return change();
  }
  /// Waits until `condition`, read under the lock, holds; false after kPatience.
  template <typename F>
  bool wait(F&& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, condition);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

struct FakeAck {
  std::string id;
  std::optional<std::string> error;
  core::DeliveryError::Kind kind = core::DeliveryError::Kind::kFailed;  ///< of the error
};

class FakeStream final : public instance::Stream {
 public:
  FakeStream(Stage& stage, std::shared_ptr<core::Subscriber> receiver, base::Status answer)
      : subscriber(std::move(receiver)), stage_(stage), answer_(std::move(answer)) {}

  base::Status subscribe(std::string_view new_topic, const core::Metadata& metadata) override {
    return stage_.change([&] {
      topic = std::string(new_topic);
      subscribe_metadata = metadata;
      ++subscribes;
      return answer_;
    });
  }
  void acknowledge(std::string_view id, std::optional<core::DeliveryError> error) override {
    FakeAck ack{std::string(id), std::nullopt};
    if (error) ack = {std::string(id), std::move(error->text), error->kind};
    stage_.change([&] { acks.push_back(std::move(ack)); });
  }
  void close() override {
    stage_.change([&] { closed = true; });
  }

  const std::shared_ptr<core::Subscriber> subscriber;
  // Under the stage's lock.
  std::string topic;
  core::Metadata subscribe_metadata;
  int subscribes = 0;
  std::vector<FakeAck> acks;
  bool closed = false;

 private:
  Stage& stage_;
  const base::Status answer_;
};

/// How the fakes behave; to be set before the call that it is about.
struct FakeBehaviour {
  bool hold_creates = false;      ///< until release_creates()
  bool hold_publishes = false;    ///< until answer_publishes() or close()
  bool forget_publishes = false;  ///< close() does not answer the held ones; the test does
  bool hold_drains = false;       ///< until the instance's close()
  base::Status create_status;
  base::Status publish_status;
  base::Status subscribe_status;
  base::Status health;
  std::vector<instance::FailedEntry> failed_entries;
  std::vector<std::string> features = {"SUBSCRIBE_WILDCARDS", "BULK_PUBSUB"};
  /// Publishes go to the streams with that very topic.
  bool loop_back = false;
  std::function<void()> before_open_stream = [] {};  ///< without the lock
  std::function<void()> before_publish = [] {};      ///< without the lock
};

/// Has a thread of its own for its completions, like the real one: to destroy it on
/// that thread would hang.
class FakeInstance final : public instance::Instance {
 public:
  FakeInstance(Stage& stage, const FakeBehaviour& behaviour, std::size_t& alive,
               std::string component, core::Metadata metadata)
      : name(std::move(component)),
        stage_(stage),
        behaviour_(behaviour),
        alive_(alive),
        metadata_(std::move(metadata)) {
    stage_.change([&] { ++alive_; });
  }
  ~FakeInstance() override {
    if (worker_.is_current()) std::abort();  // would join itself
    worker_.stop();
    stage_.change([&] { --alive_; });
  }

  const core::Metadata& metadata() const override { return metadata_; }
  std::vector<std::string> features() const override { return behaviour_.features; }

  void publish(instance::PublishRequest request, std::function<void(base::Status)> done) override {
    stage_.change([&] { return behaviour_.before_publish; })();
    std::string topic = request.topic;
    std::string payload = request.payload;
    base::Status answer;
    const bool held = stage_.change([&] {
      streams_at_publish.push_back(streams.size());
      published.push_back(std::move(request));
      answer = closed ? base::unavailable("closed") : behaviour_.publish_status;
      if (!behaviour_.hold_publishes || closed) return false;
      held_publishes.push_back(done);
      return true;
    });
    if (held) return;
    worker_.post([this, topic = std::move(topic), payload = std::move(payload), done, answer] {
      if (behaviour_.loop_back) loop_back(topic, payload);
      done(answer);
    });
  }
  void bulk_publish(instance::BulkPublishRequest request,
                    std::function<void(std::vector<instance::FailedEntry>)> done) override {
    stage_.change([&] { bulk_published.push_back(std::move(request)); });
    worker_.post([done, failed = behaviour_.failed_entries] { done(failed); });
  }

  std::shared_ptr<instance::Stream> open_stream(
      std::shared_ptr<core::Subscriber> subscriber) override {
    behaviour_.before_open_stream();
    auto stream =
        std::make_shared<FakeStream>(stage_, std::move(subscriber), behaviour_.subscribe_status);
    stage_.change([&] { streams.push_back(stream); });
    return stream;
  }

  void pause() override {
    stage_.change([&] { ++pauses; });
  }
  void resume() override {
    stage_.change([&] { ++resumes; });
  }
  base::Status health() const override { return behaviour_.health; }
  const core::Counters& counters() const override { return counters_; }
  instance::InstanceFacts facts() const override {
    instance::InstanceFacts facts;
    facts.consumer_id = name;
    facts.health = behaviour_.health;
    return facts;
  }

  void drain(base::TimePoint deadline, std::function<void()> done) override {
    stage_.change([&] { ++drains; });
    if (behaviour_.hold_drains) {
      worker_.post_at(deadline, std::move(done));
    } else {
      worker_.post(std::move(done));
    }
  }
  void close(std::function<void()> done) override {
    std::vector<std::function<void(base::Status)>> open;
    stage_.change([&] {
      closed = true;
      if (!behaviour_.forget_publishes) open.swap(held_publishes);
      streams.clear();
    });
    for (auto& publish : open) {
      worker_.post([publish] { publish(base::unavailable("closed")); });
    }
    worker_.post(std::move(done));
  }

  void answer_publishes(const base::Status& status) {
    std::vector<std::function<void(base::Status)>> open;
    stage_.change([&] { open.swap(held_publishes); });
    for (auto& publish : open) worker_.post([publish, status] { publish(status); });
  }

  const std::string name;
  // Under the stage's lock.
  std::vector<instance::PublishRequest> published;
  std::vector<std::size_t> streams_at_publish;  ///< how many were open, for each
  std::vector<instance::BulkPublishRequest> bulk_published;
  std::vector<std::shared_ptr<FakeStream>> streams;
  std::vector<std::function<void(base::Status)>> held_publishes;
  int pauses = 0;
  int resumes = 0;
  int drains = 0;
  bool closed = false;

 private:
  /// As the real one: waits for the subscriptions of the streams that are open.
  void loop_back(const std::string& topic, const std::string& payload) {
    auto message = std::make_shared<core::IncomingMessage>();
    message->topic = topic;
    message->payload = payload;
    std::vector<std::shared_ptr<FakeStream>> receivers;
    stage_.wait([&] {
      return closed || std::all_of(streams.begin(), streams.end(), [](const auto& stream) {
               return !stream->topic.empty() || stream->closed;
             });
    });
    stage_.change([&] {
      for (const auto& stream : streams) {
        if (stream->topic == topic) receivers.push_back(stream);
      }
    });
    for (const auto& stream : receivers) stream->subscriber->deliver({++last_id_, 1, message});
  }

  Stage& stage_;
  const FakeBehaviour& behaviour_;
  std::size_t& alive_;
  const core::Metadata metadata_;
  core::InboxId last_id_ = 0;
  core::Counters counters_;
  base::Worker worker_{"fake-instance"};
};

/// A key "bad" in the metadata is refused with INVALID_ARGUMENT.
class FakeInstanceFactory final : public instance::InstanceFactory {
 public:
  base::Status check(const core::Metadata& metadata) const override {
    const auto bad = metadata.find("bad");
    if (bad == metadata.end()) return {};
    return base::invalid_argument("bad: " + bad->second + " is not allowed");
  }

  bool same_client(const core::Metadata& one, const core::Metadata& other) const override {
    const auto id = one.find("consumerID");
    return id != one.end() && other.contains("consumerID") &&
           other.find("consumerID")->second == id->second;
  }

  void create(std::string name, core::Metadata metadata, Created created) override {
    const bool held = stage.change([&] {
      ++creates;
      if (behaviour.hold_creates) held_creates_.push_back({name, metadata, created});
      return behaviour.hold_creates;
    });
    if (!held) finish(std::move(name), std::move(metadata), std::move(created));
  }
  void release_creates() {
    std::deque<Held> all;
    stage.change([&] { all.swap(held_creates_); });
    for (Held& held : all) finish(std::move(held.name), std::move(held.metadata), held.created);
  }

  /// The latest instance that was made; waits for the first.
  std::shared_ptr<FakeInstance> latest() {
    std::shared_ptr<FakeInstance> out;
    stage.wait([&] {
      out = made.empty() ? nullptr : made.back().lock();
      return out != nullptr;
    });
    return out;
  }

  Stage stage;
  FakeBehaviour behaviour;
  // Under the stage's lock.
  int creates = 0;
  std::size_t alive = 0;  ///< instances that exist
  std::vector<std::weak_ptr<FakeInstance>> made;

 private:
  struct Held {
    std::string name;
    core::Metadata metadata;
    Created created;
  };

  void finish(std::string name, core::Metadata metadata, Created created) {
    worker_.post([this, name = std::move(name), metadata = std::move(metadata), created] {
      if (!behaviour.create_status.ok()) return created(behaviour.create_status);
      auto instance = std::make_shared<FakeInstance>(stage, behaviour, alive, name, metadata);
      stage.change([&] { made.push_back(instance); });
      created(std::shared_ptr<instance::Instance>(std::move(instance)));
    });
  }

  std::deque<Held> held_creates_;
  base::Worker worker_{"fake-factory"};
};

}  // namespace dapr_mqtt::testing
