#include "mqtt/connection.h"

#include <algorithm>
#include <cstdio>
#include <random>
#include <utility>

#include "dapr_mqtt/base/text.h"
#include "mqtt/reason_codes.h"

namespace dapr_mqtt::mqtt {
namespace {

using std::chrono::milliseconds;

/// The shortest interval between two checks of the keep alive.
constexpr milliseconds kMinCheckInterval{100};

std::uint64_t seed() { return std::random_device{}(); }

std::string seconds(base::Duration delay) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", std::chrono::duration<double>(delay).count());
  return text;
}

}  // namespace

Connection::Connection(Settings settings, core::ConnectionListener& listener,
                       core::MessageSink* sink, core::PacketStore* packets, base::Log log,
                       std::shared_ptr<transport::Resolver> resolver)
    : settings_(std::move(settings)),
      listener_(listener),
      sink_(sink),
      log_(std::move(log)),
      resolver_(std::move(resolver)),
      ledger_(std::make_shared<packets::AckLedger>(
          packets != nullptr && !settings_.clean_session ? *packets : memory_packets_)),
      state_{.backoff = base::Backoff(settings_.backoff_initial, settings_.backoff_max, seed(),
                                      base::Backoff::Jitter::kFull)},
      unanswered_(settings_.options.endpoints.size()),
      first_timeout_(settings_.options.first_connect_timeout),
      keep_alive_(settings_.options.keep_alive),
      keeper_([this] { return credentials::read_credentials(settings_.options); },
              settings_.options.files.any()),
      worker_(std::make_shared<base::Worker>("mqtt-" + settings_.role)) {}

Connection::~Connection() {
  close([] {});
  worker_->stop();
}

void Connection::open() {
  worker_->post([this] { handle(event::Open{}); });
}
void Connection::reconnect(base::Status cause) {
  worker_->post([this, cause = std::move(cause)] {
    if (const auto client = this->client()) client->channel().disconnect(cause);
  });
}
void Connection::suspend() {
  interrupt([this] { handle(event::Suspend{}); });
}
void Connection::resume() {
  worker_->post([this] { handle(event::Resume{}); });
}
void Connection::close(std::function<void()> closed) {
  interrupt([this, closed = std::move(closed)]() mutable {
    closed_.push_back(std::move(closed));
    handle(event::Close{});
  });
}

void Connection::interrupt(std::function<void()> then) {
  interrupts_.fetch_add(1);
  cancel_.set();
  worker_->post([this, then = std::move(then)] {
    if (interrupts_.fetch_sub(1) == 1) {
      cancel_.reset();
      if (interrupts_.load() > 0) cancel_.set();  // another one came between the two
    }
    then();
  });
}

std::shared_ptr<PahoClient> Connection::client() const {
  base::MutexLock lock(mutex_);
  return client_;
}

void Connection::handle(const ConnectionEvent& event) {
  const auto next = step(state_, event, worker_->now());
  state_ = next.state;
  for (const ConnectionAction& action : next.actions) {
    std::visit([this](const auto& a) { act(a); }, action);
  }
}

void Connection::act(const action::StartAttempt&) {
  auto attempt = attempt_with_credentials();
  whole_timeout_ = !attempt.ok();
  if (!attempt.ok()) {
    // The task of the interrupt() that cancelled it runs next.
    if (attempt.status().kind() == base::ErrorKind::kCancelled) return;
    worker_->post([this, cause = attempt.status()] { handle(event::AttemptFailed{cause}); });
    return;
  }
  AttemptMade& made = attempt.value();
  endpoint_ = settings_.options.endpoints[made.endpoint];
  const core::SessionFound session{
      made.session_present,
      !made.earlier_unanswered && session_at_.value_or(made.endpoint) == made.endpoint,
      made.endpoint};
  keep_alive_ = made.client->limits().server_keep_alive.value_or(settings_.options.keep_alive);
  {
    base::MutexLock lock(mutex_);
    client_ = std::move(made.client);
  }
  broker_certificate_end_ = made.certificate_end;
  check_keep_alive();
  check_credentials();
  worker_->post([this, session] { handle(event::Connected{session}); });
}

void Connection::client_lost(const std::weak_ptr<const PahoClient>& client, const base::Status& how,
                             core::ConnectionEnd end) {
  const auto lost = client.lock();
  if (!lost || lost != this->client()) return;  // the event of an earlier client
  if (state_.phase == ConnectionState::Phase::kConnecting) {
    // event::Connected is still in the queue and must be handled first.
    return worker_->post([this, client, how, end] { client_lost(client, how, end); });
  }
  handle(event::Lost{how.with_context(endpoint_.str()), end});
}

void Connection::check_keep_alive() {
  const auto client = this->client();
  if (!client || keep_alive_.count() == 0) return;
  Channel& channel = client->channel();
  const base::TimePoint now = worker_->now();
  const base::Duration keep_alive = keep_alive_;
  const base::Duration silent = now - channel.last_received();
  const base::Duration idle = now - channel.last_sent();
  const auto unanswered = channel.unanswered_since();
  // Paho sends PINGREQ by itself, but counts in whole seconds, and 1.3.12 ignores the Server Keep
  // Alive (MQTT-3.1.2-21).
  if (silent >= keep_alive + keep_alive / 2 && unanswered && now - *unanswered >= keep_alive / 2) {
    channel.end(base::unavailable("the connection broke (the broker has sent nothing for " +
                                  seconds(silent) + ", not even an answer to PINGREQ)"));
  } else if (std::max(silent, idle) >= keep_alive - keep_alive / 4 && !unanswered) {
    channel.ping();
  }
  keep_alive_timer_ =
      worker_->post_at(now + std::max<base::Duration>(keep_alive / 8, kMinCheckInterval),
                       [this] { check_keep_alive(); });
}

void Connection::drop_client(const base::Status& open_operations_status) {
  worker_->cancel(std::exchange(keep_alive_timer_, 0));
  worker_->cancel(std::exchange(credential_timer_, 0));
  std::shared_ptr<PahoClient> client;
  {
    base::MutexLock lock(mutex_);
    client = std::exchange(client_, nullptr);
  }
  if (client) client->shut_down(open_operations_status);
}

// The attempt has ended already: interrupt() has cancelled it.
void Connection::act(const action::AbandonAttempt&) { drop_client(base::cancelled("given up")); }

void Connection::act(const action::Disconnect&) {
  log_.info("MQTT " + settings_.role + " disconnects from " + endpoint_.str());
  drop_client(state_.phase == ConnectionState::Phase::kClosed
                  ? base::cancelled("the MQTT connection is being closed")
                  : base::unavailable("the MQTT connection is suspended"));
}

void Connection::act(const action::DropBroken& action) { drop_client(action.cause); }

void Connection::act(const action::ArmRetry& action) {
  retry_timer_ = worker_->post_at(worker_->now() + action.delay, [this] {
    retry_timer_ = 0;
    handle(event::RetryDue{});
  });
}

void Connection::act(const action::CancelRetry&) {
  worker_->cancel(std::exchange(retry_timer_, 0));
}

void Connection::act(const action::ReportConnected& action) {
  repeats_.reset();
  const bool mqtt5 = settings_.options.protocol == core::ProtocolVersion::kMqtt5;
  const std::string line =
      "MQTT " + settings_.role + " connected to " + endpoint_.str() + (mqtt5 ? " (MQTT 5)" : "") +
      " with client ID " + base::quote(settings_.options.client_id) +
      (!action.session.present  ? ", new session"
       : action.session.as_left ? ", session resumed"
                                : ", existing session whose subscriptions are not known");
  std::exchange(quiet_, false) ? log_.debug(line) : log_.info(line);
  if (const auto client = this->client(); mqtt5 && client) {
    listener_.on_broker_limits(client->limits());
  }
  // Only here: if the connection was stopped meanwhile, the listener does not get this answer, and
  // the CONNECT stays marked as unanswered.
  unanswered_[action.session.endpoint] = false;
  session_at_ = action.session.endpoint;
  listener_.on_connected(action.session);
}

void Connection::act(const action::ReportDisconnected& action) {
  base::Status cause = action.cause;
  if (action.short_lived > 0) {
    cause = base::Status(
        cause.kind(),
        cause.message() + "; it broke soon after CONNECT " + std::to_string(action.short_lived) +
            " times in a row: probably another client with the same client ID " +
            base::quote(settings_.options.client_id) +
            " connects too and the broker drops the older one. Give each its own " +
            (settings_.options.client_id == settings_.options.publisher_client_id
                 ? "clientIdPublisher"
                 : "consumerID") +
            ", e.g. with {uuid} or {podName} in it" + std::string(kOneConnectionAUser));
  }
  // Without the count, so that repeats are recognised.
  const std::string key = action.cause.message() + (action.short_lived > 0 ? "!" : "");
  const bool on_request = action.end == core::ConnectionEnd::kClosedOnRequest;
  const char* perhaps = on_request ? ", perhaps because of a request sent just before" : "";
  const auto line = (on_request ? closes_ : repeats_)
                        .pass(on_request ? "closed" : key,
                              "MQTT " + settings_.role + ": " + cause.message() + perhaps +
                                  "; next try in " + seconds(action.retry_in),
                              worker_->now());
  if (line) log_.warn(*line);
  quiet_ = on_request && !line;
  listener_.on_disconnected(cause, action.end);
}

void Connection::act(const action::ReportClosed&) {
  for (const auto& closed : std::exchange(closed_, {})) closed();
}

}  // namespace dapr_mqtt::mqtt
