#include "mqtt/connection.h"

#include <algorithm>
#include <cstdio>
#include <random>
#include <utility>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::mqtt {
namespace {

using std::chrono::milliseconds;

/// An operation that takes longer than this has Paho hurry: as long as a broker on
/// the same network takes for an answer, so that normal traffic never does.
constexpr milliseconds kPatience{2};
constexpr milliseconds kWatchInHurry{10};

/// How often Paho is asked whether it has given the connection up without saying
/// so after a missed PINGRESP (paho.mqtt.c #1505, #1172).
base::Duration library_check_interval(std::chrono::seconds keep_alive) {
  return std::max<base::Duration>(keep_alive / 2, std::chrono::seconds(1));
}

std::uint64_t seed() { return std::random_device{}(); }

std::string seconds(base::Duration delay) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", std::chrono::duration<double>(delay).count());
  return text;
}

}  // namespace

Connection::Connection(Settings settings, core::ConnectionListener& listener,
                       core::MessageSink* sink, core::PacketStore* packets, base::Log log,
                       std::shared_ptr<Resolver> resolver)
    : settings_(std::move(settings)),
      listener_(listener),
      sink_(sink),
      log_(std::move(log)),
      resolver_(std::move(resolver)),
      inbound_(packets != nullptr ? *packets : memory_packets_),
      state_{.backoff = base::Backoff(settings_.backoff_initial, settings_.backoff_max, seed())},
      keep_alive_(settings_.options.keep_alive),
      worker_(std::make_shared<base::Worker>("mqtt-" + settings_.role)) {}

Connection::~Connection() {
  close([] {});
  worker_->stop();
}

void Connection::open() {
  worker_->post([this] { handle(event::Open{}); });
}
void Connection::suspend() {
  worker_->post([this] { handle(event::Suspend{}); });
}
void Connection::resume() {
  worker_->post([this] { handle(event::Resume{}); });
}
void Connection::close(std::function<void()> closed) {
  worker_->post([this, closed = std::move(closed)]() mutable {
    closed_.push_back(std::move(closed));
    handle(event::Close{});
  });
}

std::shared_ptr<PahoClient> Connection::client() const {
  base::MutexLock lock(mutex_);
  return client_;
}

void Connection::operation_started() {
  if (watching_.exchange(true)) return;
  worker_->post_at(worker_->now() + kPatience, [this] { watch_operations(); });
}

void Connection::watch_operations() {
  const auto client = this->client();
  if (!client || client->open_operations() == 0) {
    hurry_.reset();
    watching_ = false;
    // One may have begun between the look and the flag.
    if (client && client->open_operations() > 0) operation_started();
    return;
  }
  const std::uint64_t completed = client->completed();
  if (std::exchange(last_completed_, completed) != completed) {
    hurry_.reset();
  } else if (!hurry_) {
    hurry_.emplace();
  }
  worker_->post_at(worker_->now() + (hurry_ ? kWatchInHurry : kPatience),
                   [this] { watch_operations(); });
}

void Connection::handle(const ConnectionEvent& event) {
  auto next = step(std::move(state_), event, worker_->now());
  state_ = std::move(next.state);
  for (const ConnectionAction& action : next.actions) {
    std::visit([this](const auto& a) { act(a); }, action);
  }
}

void Connection::act(const action::StartAttempt&) {
  if (!files_) {
    auto files = TlsFiles::make(settings_.options.tls);
    if (!files.ok()) {
      worker_->post([this, status = files.status()] { handle(event::AttemptFailed{status}); });
      return;
    }
    files_.emplace(std::move(files).value());
  }
  attempt_ = std::make_unique<Attempt>(
      Attempt::Context{settings_.options, *files_, settings_.clean_session, keep_alive_, sink_,
                       settings_.clean_session ? nullptr : &inbound_, *resolver_, worker_},
      [this](const PahoClient* client, const base::Status& reason) {
        worker_->post([this, client, reason] {
          client_lost(client, reason.ok() ? base::unavailable("the connection broke (the broker or "
                                                              "the network closed it)")
                                          : reason);
        });
      },
      [this](base::Result<Attempt::Made> result) { attempt_ended(std::move(result)); });
}

void Connection::attempt_ended(base::Result<Attempt::Made> result) {
  attempt_.reset();
  if (!result.ok()) return handle(event::AttemptFailed{result.status()});
  endpoint_ = result.value().endpoint;
  keep_alive_ = result.value().keep_alive;
  {
    base::MutexLock lock(mutex_);
    client_ = std::move(result.value().client);
  }
  library_timer_ = worker_->post_at(worker_->now() + library_check_interval(keep_alive_),
                                    [this] { check_library(); });
  handle(event::Connected{result.value().session_present});
}

void Connection::client_lost(const PahoClient* client, const base::Status& how) {
  if (client == nullptr || client != this->client().get()) return;  // an earlier one's
  handle(event::Lost{how.with_context(endpoint_.str())});
}

void Connection::check_library() {
  const auto client = this->client();
  if (!client) return;
  if (!client->library_connected()) {
    return client_lost(client.get(),
                       base::unavailable("the connection broke (no answer to PINGREQ)"));
  }
  library_timer_ = worker_->post_at(worker_->now() + library_check_interval(keep_alive_),
                                    [this] { check_library(); });
}

void Connection::drop_client(const base::Status& open_operations_get) {
  worker_->cancel(std::exchange(library_timer_, 0));
  std::shared_ptr<PahoClient> client;
  {
    base::MutexLock lock(mutex_);
    client = std::exchange(client_, nullptr);
  }
  if (client) client->shut_down(open_operations_get);
}

void Connection::act(const action::AbandonAttempt&) { attempt_.reset(); }

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

void Connection::act(const action::TellConnected& action) {
  repeats_.reset();
  const bool mqtt5 = settings_.options.protocol == core::ProtocolVersion::kMqtt5;
  log_.info("MQTT " + settings_.role + " connected to " + endpoint_.str() +
            (mqtt5 ? " (MQTT 5)" : "") + " with client ID " +
            base::quote(settings_.options.client_id) +
            (action.session_present ? ", session resumed" : ", new session"));
  if (const auto client = this->client(); mqtt5 && client) {
    core::BrokerLimits limits = client->limits();
    // Asked for what it wants, it need not say so again.
    if (keep_alive_ != settings_.options.keep_alive) limits.server_keep_alive = keep_alive_;
    listener_.on_broker_limits(limits);
  }
  listener_.on_connected(action.session_present);
}

void Connection::act(const action::TellDisconnected& action) {
  base::Status cause = action.cause;
  if (action.short_lived > 0) {
    cause = base::Status(cause.kind(),
                         cause.message() + "; it broke soon after CONNECT " +
                             std::to_string(action.short_lived) +
                             " times in a row: probably another client with the same client ID " +
                             base::quote(settings_.options.client_id) +
                             " connects too and the broker drops the older one. Give each its own "
                             "consumerID, e.g. with {uuid} or {podName} in it");
  }
  // Without the count, so that repeats are seen as such.
  const std::string sort = action.cause.message() + (action.short_lived > 0 ? "!" : "");
  auto line = repeats_.pass(sort,
                            "MQTT " + settings_.role + ": " + cause.message() + "; next try in " +
                                seconds(action.retry_in),
                            worker_->now());
  if (line) log_.warn(*line);
  listener_.on_disconnected(cause);
}

void Connection::act(const action::TellClosed&) {
  for (const auto& closed : std::exchange(closed_, {})) closed();
}

}  // namespace dapr_mqtt::mqtt
