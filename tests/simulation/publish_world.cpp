#include "simulation/publish_world.h"

#include <algorithm>
#include <utility>

namespace dapr_mqtt::simulation {
namespace {

using base::ErrorKind;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kDeadline{20};
constexpr seconds kPublishing{60};
/// After the broker was away or silent, everything works again within this time.
constexpr seconds kRecovery{10};
/// The longest time for a good publish while there are bad ones.
constexpr seconds kMostForGood{2};

base::Duration draw(std::mt19937_64& random, milliseconds from, milliseconds to) {
  return milliseconds(
      std::uniform_int_distribution<std::int64_t>(from.count(), to.count())(random));
}

bool one_in(std::mt19937_64& random, unsigned n) {
  return std::uniform_int_distribution<unsigned>(1, n)(random) == 1;
}

}  // namespace

PublishSchedule::PublishSchedule(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  latency = draw(random, milliseconds(0), milliseconds(20));
  between = draw(random, milliseconds(20), milliseconds(500));
  if (!one_in(random, 3)) bad_every = draw(random, seconds(3), seconds(20));
  answers_before_closing = one_in(random, 2);
  if (one_in(random, 3)) {
    // Longer than until the first attempt: one that is back before that, twice in a row and while
    // a suspect is alone, cannot be told from one that rejects it.
    for (int i = 0; i < 2; ++i) outages.push_back(draw(random, milliseconds(600), seconds(15)));
    // Not so often that many of them wait together when the broker is back.
    if (bad_every) bad_every = *bad_every + seconds(10);
  } else if (one_in(random, 3)) {
    silence = draw(random, seconds(1), seconds(30));
  }
}

// ---- The connection ----

ScheduledConnection::ScheduledConnection(testing::ManualExecutor& executor,
                                         const PublishSchedule& schedule, std::uint64_t seed)
    : executor_(executor),
      schedule_(schedule),
      state_{.backoff = base::Backoff(seconds(1), seconds(5), seed, base::Backoff::Jitter::kFull)} {
}

void ScheduledConnection::open() { handle(mqtt::event::Open{}); }

void ScheduledConnection::handle(const mqtt::ConnectionEvent& event) {
  auto next = mqtt::step(std::move(state_), event, executor_.now());
  state_ = std::move(next.state);
  for (const auto& action : next.actions) act(action);
}

void ScheduledConnection::act(const mqtt::ConnectionAction& action) {
  if (std::holds_alternative<mqtt::action::StartAttempt>(action)) {
    executor_.post_at(executor_.now() + 2 * schedule_.latency, [this] {
      if (away_) return handle(mqtt::event::AttemptFailed{base::unavailable("refused")});
      ++connection_;
      handle(mqtt::event::Connected{});
    });
  } else if (std::holds_alternative<mqtt::action::DropBroken>(action)) {
    for (auto& [id, open] : std::exchange(open_, {})) open.done(base::unavailable("it broke"));
  } else if (const auto* arm = std::get_if<mqtt::action::ArmRetry>(&action)) {
    retry_ = executor_.post_at(executor_.now() + arm->delay,
                               [this] { handle(mqtt::event::RetryDue{}); });
  } else if (std::holds_alternative<mqtt::action::ReportConnected>(action)) {
    publisher_->connection_up();
  } else if (const auto* report = std::get_if<mqtt::action::ReportDisconnected>(&action)) {
    publisher_->connection_down(report->cause, report->end);
  }
}

base::Status ScheduledConnection::publish(const core::OutgoingMessage& message, Completion done) {
  if (!connected()) return base::unavailable("not connected");
  const std::uint64_t id = ++last_id_;
  last_publish_ = executor_.now();
  const bool answers = message.qos != core::QoS::kAtMostOnce;
  open_.emplace(id,
                Open{message.payload == "bad", answers ? std::move(done) : [](base::Status) {}});
  executor_.post_at(executor_.now() + schedule_.latency,
                    [this, connection = connection_, id] { arrives(connection, id); });
  if (!answers) done({});
  return {};
}

void ScheduledConnection::reconnect(base::Status) {
  if (!connected()) return;
  ++left_;
  executor_.post([this, connection = connection_] {
    if (connection == connection_ && connected()) lose(core::ConnectionEnd::kOther);
  });
}

void ScheduledConnection::arrives(std::uint64_t connection, std::uint64_t id) {
  if (connection != connection_ || !connected() || closing_) return;
  const auto it = open_.find(id);
  if (it == open_.end()) return;
  if (it->second.bad) {
    ++closes_;
    if (!schedule_.answers_before_closing) return lose(core::ConnectionEnd::kClosedOnRequest);
    // Its acknowledgements were sent, and the end of the connection follows them.
    closing_ = true;
    executor_.post_at(executor_.now() + schedule_.latency, [this, connection] {
      if (connection == connection_) lose(core::ConnectionEnd::kClosedOnRequest);
    });
    return;
  }
  if (silent_) return;
  executor_.post_at(executor_.now() + schedule_.latency, [this, connection, id] {
    if (connection != connection_ || !connected()) return;
    auto node = open_.extract(id);
    if (!node.empty()) node.mapped().done({});
  });
}

void ScheduledConnection::lose(core::ConnectionEnd end) {
  ++connection_;
  closing_ = false;
  handle(mqtt::event::Lost{base::unavailable("closed"), end});
}

void ScheduledConnection::goes_away() {
  away_ = true;
  if (!connected()) return;
  const bool asked = last_publish_ && executor_.now() - *last_publish_ < seconds(2);
  lose(asked ? core::ConnectionEnd::kClosedOnRequest : core::ConnectionEnd::kOther);
}

// ---- The world ----

PublishWorld::PublishWorld(std::uint64_t seed)
    : random_(seed),
      schedule_(seed),
      connection_(executor_, schedule_, seed),
      publisher_(executor_, connection_, counters_, base::Log(log_)) {
  connection_.attach(publisher_);
}

void PublishWorld::publish() {
  const bool bad = schedule_.bad_every && executor_.now() >= next_bad_;
  if (bad) next_bad_ = executor_.now() + *schedule_.bad_every;
  const auto qos = static_cast<core::QoS>(std::min<std::uint64_t>(random_() % 4, 2));
  Request& request = requests_.emplace_back(Request{bad, qos, executor_.now(), {}});
  publisher_.publish(
      {core::TopicName::parse("t").value(), bad ? "bad" : "good", qos, false, nullptr},
      executor_.now() + kDeadline, [this, &request](base::Status status) {
        if (request.answer) twice_ = "a publish was answered twice";
        request.answer = std::move(status);
        request.answered = executor_.now();
      });
}

void PublishWorld::plan_trouble() {
  base::TimePoint at = executor_.now() + draw(random_, seconds(1), seconds(5));
  for (const base::Duration outage : schedule_.outages) {
    executor_.post_at(at, [this] { connection_.goes_away(); });
    executor_.post_at(at + outage, [this] { connection_.comes_back(); });
    trouble_.emplace_back(at, at + outage);
    at += outage + draw(random_, seconds(11), seconds(15));
  }
  if (schedule_.silence) {
    executor_.post_at(at, [this] { connection_.be_silent(true); });
    executor_.post_at(at + *schedule_.silence, [this] { connection_.be_silent(false); });
    // Publishes sent at the end of the silence take up the window until they have timed out too.
    trouble_.emplace_back(at, at + *schedule_.silence + kDeadline);
  }
}

std::optional<std::string> PublishWorld::run() {
  connection_.open();
  executor_.advance(seconds(1));
  plan_trouble();
  const base::TimePoint end = executor_.now() + kPublishing;
  while (executor_.now() < end) {
    // Bulk entries come at once.
    const int together = one_in(random_, 20) ? 30 : 1;
    for (int i = 0; i < together; ++i) publish();
    executor_.advance(draw(random_, milliseconds(0),
                           2 * std::chrono::duration_cast<milliseconds>(schedule_.between)));
  }
  executor_.advance(kDeadline + kRecovery);
  coverage_.closes = connection_.closes();
  coverage_.left = connection_.left();
  if (!twice_.empty()) return twice_;
  for (const Request& request : requests_) {
    if (auto broken = judge(request)) return broken;
  }
  if (counters_.publishes_pending != 0) return "requests are pending for ever";
  return std::nullopt;
}

bool PublishWorld::in_trouble(const Request& request) const {
  return std::any_of(trouble_.begin(), trouble_.end(), [&](const auto& t) {
    return request.asked < t.second + kRecovery && request.answered >= t.first;
  });
}

std::optional<std::string> PublishWorld::judge(const Request& request) {
  if (!request.answer) return "a publish has no answer";
  const ErrorKind kind = request.answer->kind();
  if (kind == ErrorKind::kOk) ++coverage_.ok;
  if (kind == ErrorKind::kUnavailable) ++coverage_.unavailable;
  if (kind == ErrorKind::kDeadlineExceeded) ++coverage_.timed_out;
  if (kind == ErrorKind::kFailedPrecondition) ++coverage_.rejected;
  if (request.bad) {
    // For QoS 0 it is only known that the publish was written.
    if (request.qos == core::QoS::kAtMostOnce) return std::nullopt;
    if (kind == ErrorKind::kOk) return "the world is wrong: a bad publish was answered OK";
    if (kind != ErrorKind::kFailedPrecondition && !in_trouble(request)) {
      return "a bad publish was not rejected: " + request.answer->message();
    }
    return std::nullopt;
  }
  if (kind == ErrorKind::kFailedPrecondition) return "a good publish was taken for a bad one";
  if (in_trouble(request)) return std::nullopt;
  if (kind != ErrorKind::kOk) return "a good publish failed: " + request.answer->message();
  coverage_.longest = std::max(coverage_.longest, request.answered - request.asked);
  if (coverage_.longest > kMostForGood)
    return "a good publish waited for " +
           std::to_string(std::chrono::duration<double>(coverage_.longest).count()) +
           " s because of a bad one";
  return std::nullopt;
}

}  // namespace dapr_mqtt::simulation
