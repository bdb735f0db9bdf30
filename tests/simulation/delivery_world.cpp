#include "simulation/delivery_world.h"

#include <algorithm>
#include <utility>

namespace dapr_mqtt::simulation {
namespace {

using core::QoS;
using std::chrono::milliseconds;

using Mode = core::ConcurrencyMode;

constexpr std::string_view kTopics[] = {"a",     "a",     "b",     "b/x", "b/y",
                                        "b/x/y", "b/x/z", "b/z/y", "c",   "nobody"};
constexpr std::string_view kHuge = "huge ";  // payloads with this prefix are over the peer's limit

core::TopicFilter filter(std::string_view text) { return core::TopicFilter::parse(text).value(); }

Ledger::Number number_of(const core::IncomingMessage& message) {
  std::string_view text = message.payload;
  if (text.starts_with(kHuge)) text.remove_prefix(kHuge.size());
  return std::stoull(std::string(text));
}

}  // namespace

/// A PullMessages stream of the app.
class World::SimStream final : public core::Subscriber {
 public:
  SimStream(World& world, core::TopicFilter its_filter)
      : filter(std::move(its_filter)), world_(world) {}

  core::DeliverResult deliver(const core::Delivery& delivery) override {
    Ledger& ledger = *world_.ledger_;
    ledger.require(!world_.held_back_, "delivered while paused or draining");
    ledger.require(!end_reported, "delivered to a stream that had said it was closed");
    if (ended) {
      end_reported = true;
      return core::DeliverResult::kClosed;
    }
    if (delivery.message->payload.starts_with(kHuge)) return core::DeliverResult::kTooLarge;
    core::InboxUsage usage{held.size(), 0};
    for (const auto& d : held) usage.bytes += d.message->footprint();
    ledger.delivered(filter.str(), number_of(*delivery.message), delivery, usage,
                     world_.clock_.now());
    held.push_back(delivery);
    return core::DeliverResult::kSent;
  }

  const core::TopicFilter filter;
  delivery::StreamId id = 0;
  std::vector<core::Delivery> held;
  std::vector<core::InboxId> answered;
  bool ended = false;         // the peer has gone; close() follows
  bool end_reported = false;  // and the dispatcher knows
  bool away = false;          // its app: the stream may be tried, but need not

 private:
  World& world_;
};

World::World(std::uint64_t seed) : random_(seed) {
  constexpr std::int64_t kRetries[] = {-1, -1, 0, 1, 3};
  constexpr milliseconds kIntervals[] = {milliseconds(0), milliseconds(7), milliseconds(5000)};
  policy_.max_retries = kRetries[pick(std::size(kRetries))];
  policy_.retry_interval = kIntervals[pick(std::size(kIntervals))];
  constexpr Mode kModes[] = {Mode::kParallel, Mode::kParallel, Mode::kSingle, Mode::kOrdered,
                             Mode::kOrdered};
  policy_.order.mode = kModes[pick(std::size(kModes))];
  if (chance(30)) {
    segment_ = 2;
    policy_.order.key = core::OrderKey::parse("segment:2").value();
  }
  if (chance(50)) failing_ = kTopics[pick(std::size(kTopics))];
  policy_.window = {.messages = 1 + pick(8), .bytes = chance(30) ? 500 : 1U << 20U};
  options_.persistent = chance(50);
  options_.limits = {.max_messages = chance(50) ? 5 + pick(20) : 100'000,
                     .max_bytes = chance(20) ? 3000 : 1U << 20U};
  for (const std::string_view f : {"a", "b/+", "b/#", "$share/g/c"}) filters_.push_back(filter(f));
  filters_.resize(1 + pick(filters_.size()), filters_.front());

  ledger_ = std::make_unique<Ledger>(policy_);
  inbox_ = std::make_unique<storage::MemoryInbox>(options_.limits);
  delivery::IntakeHooks intake_hooks;
  intake_hooks.full = [this] {
    ledger_->require(!std::exchange(intake_stopped_, true), "intake stopped twice");
    ledger_->require(options_.persistent, "intake of a clean session stopped");
    ++coverage_.intake_stops;
  };
  intake_hooks.resume = [this] {
    ledger_->require(std::exchange(intake_stopped_, false), "intake resumed without a stop");
  };
  control_ = std::make_unique<delivery::IntakeControl>(true, executor_, *inbox_, counters_,
                                                       base::Log(log_), std::move(intake_hooks));
  delivery::DispatcherHooks hooks;
  hooks.given_up = [this](const delivery::GivenUp& g) {
    ledger_->given_up(g.filter.str(), number_of(*g.delivery.message), g.reason);
  };
  dispatcher_ = std::make_unique<delivery::Dispatcher>(
      policy_, executor_, clock_, *inbox_, *control_, counters_, base::Log(log_), hooks);
  intake_ =
      std::make_unique<delivery::Intake>(options_, table_, *inbox_, dispatcher_->arrivals(),
                                         executor_, clock_, counters_, base::Log(log_), nullptr);
  sink_ = intake_->sink(0);
  // A persistent session may deliver before its subscriptions are known again.
  if (!options_.persistent || chance(50)) routed_ = filters_;
  table_.set(0, routed_);
}

World::~World() = default;

std::optional<std::string> World::run() {
  const std::size_t steps = 20 + pick(120);
  for (std::size_t i = 0; i < steps && !ledger_->violation(); ++i) step();
  if (!ledger_->violation()) {
    if (chance(20)) {
      finish_by_draining();
    } else {
      finish_by_handling_all();
    }
  }
  coverage_.delivered = counters_.delivered;
  coverage_.redelivered = counters_.redelivered;
  coverage_.given_up = counters_.given_up;
  coverage_.too_large = counters_.too_large;
  coverage_.dropped = counters_.dropped + counters_.dropped_qos0;
  coverage_.unknown_acks = counters_.unknown_acks;
  coverage_.not_reached = counters_.not_reached;
  return ledger_->violation();
}

/// A full inbox may drop messages that wait for a subscription that has ended: at once, or when the
/// longest time step has passed.
void World::expect_abandoned() {
  constexpr std::chrono::seconds kLongestStep{20};
  for (const auto& [name, since] : left_) {
    if (executor_.now() + kLongestStep - since >= delivery::IntakeControl::kReopenGrace) {
      ledger_->abandoned(name);
    }
  }
}

void World::step() {
  expect_abandoned();
  const std::size_t roll = pick(100);
  if (roll < 30) {
    publish();
  } else if (roll < 38) {
    if (open_.size() < 6) open_stream(pick(filters_.size()));
  } else if (roll < 42) {
    if (!open_.empty()) close_stream(pick(open_.size()));
  } else if (roll < 44) {
    if (!open_.empty()) open_[pick(open_.size())]->ended = true;
  } else if (roll < 75) {
    if (open_.empty()) return;
    SimStream& stream = *open_[pick(open_.size())];
    for (std::size_t n = pick(4); n > 0 && !stream.held.empty(); --n) {
      if (chance(20)) {
        miss(stream, pick(stream.held.size()));
      } else {
        const std::size_t nth = pick(stream.held.size());
        answer(stream, nth, chance(stream.held[nth].message->topic == failing_ ? 10 : 70));
      }
    }
  } else if (roll < 80) {
    acknowledge_wrongly();
  } else if (roll < 83) {
    dispatcher_->pause();
    held_back_ = true;
  } else if (roll < 87) {
    held_back_ = false;
    dispatcher_->resume();
  } else {
    settle_down();
    constexpr milliseconds kSteps[] = {milliseconds(1), milliseconds(6), milliseconds(4999),
                                       milliseconds(20'000)};
    executor_.advance(kSteps[pick(std::size(kSteps))]);
    check_nothing_stalls();
  }
  if (chance(50)) settle_down();
}

void World::publish() {
  // After intake was stopped, only messages that were already sent still come.
  if (intake_stopped_ && !chance(10)) return;
  for (std::size_t n = 1 + pick(6); n > 0; --n) {
    core::IncomingMessage message;
    message.topic = kTopics[pick(std::size(kTopics))];
    message.qos = static_cast<QoS>(pick(3));
    const Ledger::Number number = ++last_number_;
    message.payload = (chance(3) ? std::string(kHuge) : std::string()) + std::to_string(number);
    const bool droppable = !options_.persistent || message.qos == QoS::kAtMostOnce;
    const std::string topic = message.topic;
    if (!sink_->on_message(std::move(message))) {  // the broker keeps it
      ledger_->require(inbox_->overfull(), "a message is refused by an inbox that has room");
      continue;
    }
    bool wanted = false;
    for (const core::TopicFilter& f : routed_) {
      if (!f.matches(topic)) continue;
      ledger_->arrived(f.str(), number, droppable, key_of(topic));
      wanted = true;
    }
    if (!wanted && options_.persistent) {
      ledger_->arrived("", number, droppable, key_of(topic));
      unclaimed_.emplace(number, topic);
    }
    sink_->commit_received();
  }
}

std::string World::key_of(const std::string& topic) const {
  if (segment_ == 0) return topic;
  const std::size_t slash = topic.find('/');
  if (slash == std::string::npos) return topic;
  const std::string rest = topic.substr(slash + 1);
  return rest.substr(0, rest.find('/'));
}

void World::open_stream(std::size_t index) {
  const core::TopicFilter& f = filters_[index];
  if (std::find(routed_.begin(), routed_.end(), f) == routed_.end()) {
    routed_.push_back(f);
    table_.set(0, routed_);
  }
  const bool first =
      std::none_of(open_.begin(), open_.end(), [&](const auto& s) { return s->filter == f; });
  if (first) {
    std::erase_if(unclaimed_, [&](const auto& m) {
      if (!f.matches(m.second)) return false;
      ledger_->claimed(f.str(), m.first);
      return true;
    });
  }
  left_.erase(f.str());
  auto stream = std::make_shared<SimStream>(*this, f);
  stream->id = dispatcher_->open(f, stream);
  open_.push_back(std::move(stream));
}

void World::close_stream(std::size_t index) {
  std::shared_ptr<SimStream> stream = open_[index];
  open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(index));
  stream->ended = true;
  for (const core::Delivery& d : stream->held) {
    ledger_->returned(stream->filter.str(), number_of(*d.message));
    stream->answered.push_back(d.id);
    ++coverage_.returned;
  }
  stream->held.clear();
  dispatcher_->close(stream->id);
  if (std::none_of(open_.begin(), open_.end(),
                   [&](const auto& s) { return s->filter == stream->filter; })) {
    left_[stream->filter.str()] = executor_.now();
  }
  closed_.push_back(std::move(stream));
}

void World::answer(SimStream& stream, std::size_t nth, bool ok) {
  const core::Delivery delivery = stream.held[nth];
  stream.held.erase(stream.held.begin() + static_cast<std::ptrdiff_t>(nth));
  stream.answered.push_back(delivery.id);
  const Ledger::Number number = number_of(*delivery.message);
  stream.away = false;
  interruptions_.erase({stream.filter.str(), number});
  if (ok) {
    ledger_->acknowledged(stream.filter.str(), number);
    dispatcher_->acknowledge(stream.id, delivery.id, std::nullopt);
  } else {
    ledger_->failed(stream.filter.str(), number, clock_.now());
    dispatcher_->acknowledge(stream.id, delivery.id, std::string("no"));
  }
}

/// The app is not reached, or the connection to it breaks.
void World::miss(SimStream& stream, std::size_t nth) {
  using Kind = core::DeliveryError::Kind;
  const core::Delivery delivery = stream.held[nth];
  stream.held.erase(stream.held.begin() + static_cast<std::ptrdiff_t>(nth));
  stream.answered.push_back(delivery.id);
  stream.away = true;
  const Ledger::Number number = number_of(*delivery.message);
  const Kind kind = chance(70) ? Kind::kUnreachable : Kind::kInterrupted;
  unsigned interruptions = 0;
  if (kind == Kind::kInterrupted) {
    interruptions = ++interruptions_[{stream.filter.str(), number}];
  }
  constexpr unsigned kTooOften = 5;
  if (interruptions == kTooOften) {
    interruptions_.erase({stream.filter.str(), number});
    ledger_->failed(stream.filter.str(), number, clock_.now());
  } else {
    ledger_->returned(stream.filter.str(), number);
  }
  dispatcher_->acknowledge(stream.id, delivery.id, core::DeliveryError("gone", kind));
}

/// Repeated, late, foreign and invented acknowledgements change nothing.
void World::acknowledge_wrongly() {
  const auto& from = chance(50) ? open_ : closed_;
  if (from.empty()) return;
  const SimStream& stream = *from[pick(from.size())];
  core::InboxId id = random_() % 50;
  if (!stream.answered.empty() && chance(70)) id = stream.answered[pick(stream.answered.size())];
  const bool held = std::any_of(stream.held.begin(), stream.held.end(),
                                [&](const auto& d) { return d.id == id; });
  if (held) return;  // delivered again since: the acknowledgement would be valid
  const std::uint64_t before = counters_.unknown_acks;
  dispatcher_->acknowledge(stream.id, id,
                           chance(50) ? std::optional<std::string>("late") : std::nullopt);
  ledger_->require(counters_.unknown_acks == before + 1, "wrong acknowledgement not noticed");
}

void World::settle_down() {
  expect_abandoned();
  executor_.run();
  check_nothing_stalls();
}

void World::check_nothing_stalls() {
  std::size_t held = 0;
  for (const auto& s : open_) held += s->held.size();
  ledger_->require(dispatcher_->in_flight() == held, "in_flight is wrong");
  if (held_back_) return;
  using Order = core::Inbox::Order;
  const Order order = policy_.order.mode == Mode::kSingle    ? Order::kStrict
                      : policy_.order.mode == Mode::kOrdered ? Order::kByKey
                                                             : Order::kReady;
  for (const core::TopicFilter& f : filters_) {
    const auto due = inbox_->next_due(f.str(), order);
    if (!due || *due > clock_.now()) continue;
    std::size_t out = 0;
    bool room = false;
    for (const auto& s : open_) {
      if (s->filter != f) continue;
      out += s->held.size();
      std::size_t bytes = 0;
      for (const auto& d : s->held) bytes += d.message->footprint();
      room = room || (!s->end_reported && !s->away &&
                      (s->held.empty() ||
                       (s->held.size() < policy_.window.messages && bytes < policy_.window.bytes)));
    }
    const bool strict = policy_.order.mode == Mode::kSingle;
    ledger_->require(!room || (strict && out > 0),
                     "stalled: filter " + f.str() + " has a message due and a stream with room");
  }
}

void World::finish_by_handling_all() {
  held_back_ = false;
  dispatcher_->resume();
  while (!open_.empty()) close_stream(open_.size() - 1);
  filters_.push_back(filter("#"));  // for messages that no subscription has claimed
  for (std::size_t i = 0; i < filters_.size(); ++i) open_stream(i);
  for (int round = 0; round < 5000 && inbox_->usage().messages > 0; ++round) {
    settle_down();
    bool answered = false;
    for (const auto& stream : open_) {
      while (!stream->held.empty()) {
        if (chance(3)) {
          miss(*stream, 0);
        } else {
          answer(*stream, 0, true);
        }
        answered = true;
      }
    }
    // While an app is away, AppWatch decides when it is tried.
    constexpr milliseconds kAtLeast{200};
    if (!answered) executor_.advance(std::max(policy_.retry_interval, kAtLeast) + milliseconds(1));
    if (ledger_->violation()) return;
  }
  settle_down();
  ledger_->require(inbox_->usage().messages == 0, "messages stay in the inbox for ever");
  ledger_->require(!intake_stopped_, "intake stays stopped with an empty inbox");
  ledger_->close(counters_.dropped + counters_.dropped_qos0);
}

void World::finish_by_draining() {
  ++coverage_.drains;
  settle_down();
  held_back_ = true;
  int done = 0;
  dispatcher_->drain([&] { ++done; });
  publish();
  dispatcher_->resume();
  while (dispatcher_->in_flight() > 0) {
    executor_.advance(milliseconds(10));
    ledger_->require(done == 0, "drained with messages in flight");
    const auto stream =
        std::find_if(open_.begin(), open_.end(), [](const auto& s) { return !s->held.empty(); });
    if (stream == open_.end() || ledger_->violation()) return;
    if (chance(30)) {
      close_stream(static_cast<std::size_t>(stream - open_.begin()));
    } else {
      answer(**stream, 0, chance(50));
    }
  }
  executor_.run();
  ledger_->require(done == 1, "drained, but done was never called");
}

}  // namespace dapr_mqtt::simulation
