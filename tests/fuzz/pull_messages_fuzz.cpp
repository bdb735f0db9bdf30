// A daprd that does anything with its PullMessages streams, in any order: topics, acknowledgements,
// half closes, cancellations; meanwhile messages come, are tried again, and the component ends
// streams itself. gRPC's rules are kept (FakeWire's `mistakes`), each stream finishes once, nothing
// is written to a stream that has ended, each acknowledgement gets to the instance once and in
// order, and each delivery is settled or put back once. The dispatcher behind the streams is the
// real one. What is written can be parsed. The input is a list of steps (Step), each followed by
// its data.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dapr_mqtt/delivery/dispatcher.h"
#include "dapr_mqtt/delivery/intake_control.h"
#include "dapr_mqtt/storage/memory_inbox.h"
#include "fuzz/input.h"
#include "fuzz/require.h"
#include "fuzz/seeds.h"
#include "support/forwarding_inbox.h"
#include "support/manual_executor.h"
#include "unit/dapr/fake_wire.h"

namespace dapr_mqtt::fuzz {
namespace {

using dapr::PullStream;
using testing::FakeWire;
using Request = FakeWire::Request;

enum Step {
  kRunOne,
  kRunAll,
  kTopic,
  kAcknowledge,
  kBytes,
  kHalfClose,
  kCancel,
  kMessage,
  kStream,
  kTime,
  kEnd,
  kPause,
  kSteps
};

constexpr std::size_t kMostStreams = 3;
constexpr std::size_t kWindow = 4;
constexpr std::size_t kMaxDelivery = 400;

class Silent final : public base::Logger {
 public:
  bool enabled(base::LogLevel) const override { return true; }
  void write(base::LogLevel, std::string_view, std::string_view) override {}
};

/// Records which messages are taken.
class WatchedInbox final : public testing::ForwardingInbox<core::Inbox> {
 public:
  using ForwardingInbox::ForwardingInbox;

  std::optional<core::InboxEntry> take(std::string_view queue, base::WallTime now,
                                       Order order) override {
    auto entry = to().take(queue, now, order);
    if (entry) began(entry->id);
    return entry;
  }
  FromMemory take_from_memory(std::string_view queue, base::WallTime now, Order order) override {
    FromMemory from = to().take_from_memory(queue, now, order);
    if (from.entry) began(from.entry->id);
    return from;
  }
  void settle(core::InboxId id) override {
    ended(id);
    to().settle(id);
  }
  void release(core::InboxId id, std::uint32_t failures, base::WallTime due) override {
    ended(id);
    to().release(id, failures, due);
  }
  bool any_taken() const { return !taken_.empty(); }

 private:
  void began(core::InboxId id) { require(taken_.insert(id).second, "a message is taken once"); }
  void ended(core::InboxId id) { require(taken_.erase(id) == 1, "a delivery is answered once"); }

  std::set<core::InboxId> taken_;
};

/// All objects that one input works with.
struct World {
  Silent log;
  testing::ManualExecutor executor;  // of the dispatcher, and the completion queue
  testing::ManualWallClock clock{executor};
  core::Counters counters;
  storage::MemoryInbox memory{core::InboxLimits{1000, 1U << 20U}};
  WatchedInbox inbox{memory};
  delivery::IntakeControl intake{true, executor, inbox, counters, base::Log(log), {}};
  std::optional<delivery::Dispatcher> dispatcher;

  explicit World(unsigned mode) {
    delivery::Policy policy;
    policy.max_retries = 2;
    policy.window.messages = kWindow;
    policy.order.mode = static_cast<core::ConcurrencyMode>(mode % 3);
    dispatcher.emplace(policy, executor, clock, inbox, intake, counters, base::Log(log),
                       delivery::DispatcherHooks{});
  }
};

struct Answer {
  std::string id;
  bool error = false;
  bool operator==(const Answer&) const = default;
};

/// For a subscription that asks for the messages' own topics.
class RealTopics final : public core::Subscriber {
 public:
  explicit RealTopics(std::shared_ptr<core::Subscriber> to) : to_(std::move(to)) {}
  core::DeliverResult deliver(const core::Delivery& delivery) override {
    core::Delivery real = delivery;
    real.real_topic_name = true;
    return to_->deliver(real);
  }

 private:
  const std::shared_ptr<core::Subscriber> to_;
};

/// An instance's side of a stream, as src/instance has it.
class StreamInside final : public instance::Stream {
 public:
  StreamInside(World& world, std::shared_ptr<core::Subscriber> receiver)
      : subscriber(std::move(receiver)), world_(world) {}

  base::Status subscribe(std::string_view topic, const core::Metadata& metadata) override {
    require(++subscribes_ == 1, "a stream subscribes once");
    const auto filter = core::TopicFilter::parse(topic);
    if (!filter.ok()) return filter.status();
    if (metadata.contains("bad")) return base::invalid_argument("bad");
    if (closed) return {};
    std::shared_ptr<core::Subscriber> to = subscriber;
    if (metadata.contains("real")) to = std::make_shared<RealTopics>(std::move(to));
    world_.executor.post([this, to = std::move(to), filter = filter.value()] {
      id_ = world_.dispatcher->open(filter, to);
    });
    return {};
  }
  void acknowledge(std::string_view id, std::optional<core::DeliveryError> error) override {
    answers.push_back({std::string(id), error.has_value()});
    core::InboxId number = 0;
    const auto [end, problem] = std::from_chars(id.data(), id.data() + id.size(), number);
    if (problem != std::errc() || end != id.data() + id.size()) return;
    world_.executor.post([this, number, error = std::move(error)]() mutable {
      world_.dispatcher->acknowledge(id_, number, std::move(error));
    });
  }
  void close() override {
    if (std::exchange(closed, true)) return;
    world_.executor.post([this] { world_.dispatcher->close(id_); });
  }

  const std::shared_ptr<core::Subscriber> subscriber;
  bool closed = false;
  std::vector<Answer> answers;

 private:
  World& world_;
  delivery::StreamId id_ = 0;
  int subscribes_ = 0;
};

class Instance final : public instance::Instance {
 public:
  World* world = nullptr;
  std::shared_ptr<StreamInside> latest;

  const core::Metadata& metadata() const override { return metadata_; }
  std::vector<std::string> features() const override { return {}; }
  void publish(instance::PublishRequest, std::function<void(base::Status)>) override {}
  void bulk_publish(instance::BulkPublishRequest,
                    std::function<void(std::vector<instance::FailedEntry>)>) override {}
  std::shared_ptr<instance::Stream> open_stream(
      std::shared_ptr<core::Subscriber> subscriber) override {
    return latest = std::make_shared<StreamInside>(*world, std::move(subscriber));
  }
  void pause() override {}
  void resume() override {}
  base::Status health() const override { return {}; }
  const core::Counters& counters() const override { return counters_; }
  instance::InstanceFacts facts() const override { return {}; }
  void drain(base::TimePoint, std::function<void()> done) override { done(); }
  void close(std::function<void()> done) override { done(); }

 private:
  const core::Metadata metadata_{};
  core::Counters counters_;
};

class Factory final : public instance::InstanceFactory {
 public:
  const std::shared_ptr<Instance> instance = std::make_shared<Instance>();

  base::Status check(const core::Metadata&) const override { return {}; }
  bool same_client(const core::Metadata&, const core::Metadata&) const override { return false; }
  void create(std::string, core::Metadata, Created created) override { created({instance}); }
};

/// A daprd's side of a stream.
struct StreamOutside {
  explicit StreamOutside(World& world) : wire(world.executor) {}

  FakeWire wire;
  std::shared_ptr<StreamInside> inside;
  std::vector<Answer> answers;  ///< fed
  bool half_closed = false;

  void feed(const Request& request) {
    if (half_closed) return;  // gRPC would not let it
    if (request.topic().name().empty() && !request.ack_message_id().empty()) {
      answers.push_back({request.ack_message_id(), request.has_ack_error()});
    }
    wire.feed(request);
  }
  void half_close() {
    if (!std::exchange(half_closed, true)) wire.feed(std::nullopt);
  }
};

class Run {
 public:
  Run(World& world, Instance& instance, std::shared_ptr<dapr::InstanceRegistry> registry)
      : world_(world), instance_(instance), registry_(std::move(registry)) {
    begin_stream();
  }

  void step(Input& in) {
    const unsigned code = in.byte();
    StreamOutside& stream = *streams_.at(code / kSteps % streams_.size());
    switch (code % kSteps) {
      case kRunOne: world_.executor.run_one(); break;
      case kTopic: stream.feed(topic(in)); break;
      case kAcknowledge: stream.feed(acknowledgement(stream, in)); break;
      case kBytes: feed_bytes(stream, in); break;
      case kHalfClose: stream.half_close(); break;
      case kCancel: stream.wire.cancel(); break;
      case kMessage: message_comes(in); break;
      case kStream:
        if (streams_.size() < kMostStreams) begin_stream();
        break;
      case kTime: world_.executor.advance(std::chrono::milliseconds(in.byte() * 100)); break;
      case kEnd: end_from_inside(stream); break;
      case kPause:
        if (std::exchange(paused_, !paused_)) {
          world_.dispatcher->resume();
        } else {
          world_.dispatcher->pause();
        }
        break;
      default: world_.executor.run(); break;
    }
    require(world_.dispatcher->in_flight() <= kWindow * streams_.size(), "windows are kept");
  }

  /// The daprd ends.
  void finish() {
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      i % 2 == 0 ? streams_[i]->half_close() : streams_[i]->wire.cancel();
    }
    world_.executor.run();
    for (const auto& stream : streams_) {
      require(stream->wire.done(), "each stream ends");
      require(stream->wire.mistakes() == 0, "the rules of gRPC are kept");
      check_answers(*stream);
      require(stream->inside->closed, "the instance's side is closed");
      require(stream->inside->subscriber->deliver(delivery()) == core::DeliverResult::kClosed,
              "nothing goes to a stream that has ended");
      check_written(stream->wire);
    }
    world_.executor.run();
    require(world_.dispatcher->in_flight() == 0 && !world_.inbox.any_taken(),
            "what was not answered is back");
    instance_.latest.reset();
  }

 private:
  void begin_stream() {
    auto& stream = *streams_.emplace_back(std::make_unique<StreamOutside>(world_));
    PullStream::begin(stream.wire, registry_, {1, "a"}, kMaxDelivery, base::Log(world_.log));
    stream.inside = instance_.latest;
  }

  static Request topic(Input& in) {
    static constexpr std::array<const char*, 8> kTopics = {"t",   "t",  "t/#", "+",
                                                           "a/b", "#x", "",    "$share/g/t"};
    Request request;
    const unsigned code = in.byte();
    request.mutable_topic()->set_name(kTopics.at(code % kTopics.size()));
    if ((code & 64U) != 0) (*request.mutable_topic()->mutable_metadata())["bad"] = "x";
    if ((code & 32U) != 0) (*request.mutable_topic()->mutable_metadata())["real"] = "x";
    if ((code & 128U) != 0) request.set_ack_message_id("1");
    return request;
  }
  static Request acknowledgement(StreamOutside& stream, Input& in) {
    static constexpr std::array<const char*, 8> kIds = {
        "", "0", "1", "2", "18446744073709551616", "-1", "1x", "18446744073709551615"};
    static constexpr std::array<const char*, 6> kErrors = {
        "",
        "no",
        "stream closed",
        "context canceled",
        "no streamer subscribed to pubsub x",
        "rpc error: code = Unavailable desc = the connection is draining"};
    Request request;
    const unsigned code = in.byte();
    const std::vector<std::string> written = stream.wire.written();
    if (code % 4 == 0 || written.empty()) {
      request.set_ack_message_id(kIds.at(code / 4 % kIds.size()));
    } else {
      request.set_ack_message_id(written.at(written.size() - 1 - code / 4 % written.size()));
    }
    if (code % 4 == 3) {
      request.mutable_ack_error()->set_message(kErrors.at(in.byte() % kErrors.size()));
    }
    return request;
  }
  static void feed_bytes(StreamOutside& stream, Input& in) {
    const std::string_view bytes = in.bytes(in.byte());
    Request request;
    // gRPC ends a stream when a request cannot be parsed.
    if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return stream.wire.cancel();
    }
    stream.feed(request);
  }

  static core::Delivery delivery() {
    auto message = std::make_shared<core::IncomingMessage>();
    message->topic = "t";
    return {1, 1, std::move(message)};
  }
  /// Any bytes: the inbox is from a disk.
  void message_comes(Input& in) {
    static constexpr std::array<const char*, 4> kQueues = {"t", "t/#", "+", ""};
    const char* const queue = kQueues.at(in.byte() % kQueues.size());
    core::IncomingMessage message;
    const unsigned flags = in.byte();
    message.qos = static_cast<core::QoS>(flags % 3);
    message.topic = (flags & 4U) != 0 ? std::string(in.bytes(in.byte() % 16)) : "t";
    message.payload =
        (flags & 8U) != 0 ? std::string(kMaxDelivery, 'x') : std::string(in.bytes(in.byte() % 16));
    if ((flags & 16U) != 0) {
      auto properties = std::make_shared<core::MessageProperties>();
      properties->content_type = in.bytes(in.byte() % 16);
      std::string name(in.bytes(in.byte() % 16));
      properties->user_properties.emplace_back(std::move(name), in.bytes(in.byte() % 64));
      if ((flags & 32U) != 0) properties->expiry = std::chrono::seconds(in.byte());
      message.properties = std::move(properties);
    }
    message.received = message.arrived = world_.clock.now();
    const auto outcome = world_.inbox.append(queue, std::move(message), false);
    require(outcome.ok(), "the inbox takes it");
    world_.dispatcher->arrivals().note(queue, false);
  }
  static void end_from_inside(StreamOutside& stream) {
    // As the registry does: while holding its own reference.
    const auto open = std::dynamic_pointer_cast<dapr::OpenStream>(stream.inside->subscriber);
    open->end(base::unavailable("replaced"));
  }

  static void check_answers(const StreamOutside& stream) {
    const auto& got = stream.inside->answers;
    require(got.size() <= stream.answers.size() &&
                std::equal(got.begin(), got.end(), stream.answers.begin()),
            "acknowledgements get to the instance as they came");
  }
  static void check_written(FakeWire& wire) {
    for (const auto& response : wire.responses()) {
      require(response.ByteSizeLong() <= kMaxDelivery, "no response is larger than daprd takes");
      FakeWire::Response again;
      require(again.ParseFromString(response.SerializeAsString()), "a response can be read");
    }
  }

  World& world_;
  Instance& instance_;
  const std::shared_ptr<dapr::InstanceRegistry> registry_;
  std::vector<std::unique_ptr<StreamOutside>> streams_;
  bool paused_ = false;
};

/// Shared by all inputs, since it has threads.
struct Registry {
  Silent log;
  Factory factory;
  const std::shared_ptr<dapr::InstanceRegistry> registry = std::make_shared<dapr::InstanceRegistry>(
      factory, "/nowhere/mqtt.sock", nullptr, std::chrono::hours(1), base::Log(log));
  Registry() {
    registry->connection_began(1);
    registry->init({1, "a"}, {}, nullptr,
                   [](const base::Status& status) { require(status.ok(), status.message()); });
  }
  ~Registry() { registry->stop(); }
};

}  // namespace

std::vector<std::string> seeds() {
  using namespace std::string_literals;
  const auto s = [](Step step, std::string rest = {}) {
    return std::string(1, static_cast<char>(step)) + rest;
  };
  const std::string message = s(kMessage, "\0\1\2hi"s);
  const std::string run = s(kRunAll);
  const std::string begin = "\0"s + s(kTopic, "\0"s) + run + message + message + run;
  const auto second = [](Step step, std::string rest = {}) {
    return std::string(1, static_cast<char>(step + kSteps)) + rest;
  };
  std::vector<std::string> all = {
      begin + s(kAcknowledge, "\1") + s(kAcknowledge, "\5") + run,
      begin + s(kAcknowledge, "\1") + s(kAcknowledge, "\1") + run,
      begin + s(kAcknowledge, "\3\1") + run + s(kTime, "\x32") + s(kAcknowledge, "\3\1") + run +
          s(kTime, "\x32") + s(kAcknowledge, "\3\1") + run,
      begin + s(kAcknowledge, "\3\4") + run + s(kTime, "\x32"),
      begin + s(kAcknowledge, "\3\2") + run + s(kTime, "\xff"),
      begin + s(kAcknowledge, "\x10") + s(kAcknowledge, "\x08") + s(kAcknowledge, "\0"s) + run,
      begin + s(kHalfClose) + message + run,
      begin + s(kCancel) + message + run,
      begin + s(kEnd) + message + run,
      begin + s(kTopic, "\0"s) + run,
      begin + s(kPause) + message + run + s(kPause) + run,
      "\0"s + s(kAcknowledge, "\x08") + run,
      "\0"s + s(kTopic, "\5") + run,
      "\0"s + s(kTopic, "\x40") + run,
      "\0"s + s(kTopic, "\x80") + run,
      "\0"s + s(kBytes, "\5\x0a\3\x0a\1t"s) + run + message + run + s(kBytes, "\3\x12\1\x31"s) +
          run,
      "\0"s + s(kBytes, "\2zz") + run,
      "\1"s + s(kTopic, "\0"s) + run + message + message + run + s(kAcknowledge, "\3\1") + run,
      begin + s(kStream) + second(kTopic, "\0"s) + run + message + message + message + run +
          second(kAcknowledge, "\1") + s(kAcknowledge, "\x08") + run,
      begin + s(kMessage, "\0\x0d\0"s) + run + s(kMessage, "\0\x34\3t\xff\0\1z\1x\1k\1v\1"s) + run +
          s(kTime, "\x32"),
      "\0"s + s(kTopic, "\x22") + run + s(kMessage, "\1\4\3t/\xff\0"s) + run +
          s(kMessage,
            "\1\x14\2t/\0\0\x0btraceparent\x37"
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"s) +
          run,
  };
  std::string many = "\2"s + s(kTopic, "\2");
  for (int i = 0; i < 12; ++i) many += s(kMessage, "\1\1\1x"s) + s(kRunOne);
  all.push_back(many + run + s(kAcknowledge, "\1") + run + s(kCancel));
  return all;
}

}  // namespace dapr_mqtt::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dapr_mqtt::fuzz;
  static Registry all;
  Input in(data, size);
  World world(in.byte());
  Instance& instance = *all.factory.instance;
  instance.world = &world;
  Run run(world, instance, all.registry);
  while (!in.empty()) run.step(in);
  run.finish();
  world.dispatcher.reset();
  world.executor.run();
  return 0;
}
