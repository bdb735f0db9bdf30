#include "mqtt/attempt.h"

#include <algorithm>
#include <utility>

namespace dapr_mqtt::mqtt {
namespace {

using std::chrono::milliseconds;

/// Kept back of the time for an attempt to find out why it failed: enough for TCP
/// and TLS with a broker that is 100 ms away.
constexpr milliseconds kForDiagnosis{700};
/// For the way from our timer to the listener.
constexpr milliseconds kForReporting{50};

}  // namespace

Attempt::Attempt(Context context, Lost lost, Done done)
    : context_(std::move(context)),
      lost_(std::move(lost)),
      done_(std::move(done)),
      keep_alive_(context_.keep_alive) {
  const milliseconds total = context_.options.connect_timeout;
  deadline_ = context_.worker->now() + total - std::min(kForReporting, total / 10);
  paho_deadline_ = deadline_ - std::min(kForDiagnosis, total / 4);
  step_ = std::make_shared<int>(0);
  post([this] { next_endpoint(); });
}

Attempt::~Attempt() { end_step(); }

std::function<void()> Attempt::in_this_step(std::function<void()> task) {
  return [step = std::weak_ptr<int>(step_), task = std::move(task)] {
    if (!step.expired()) task();
  };
}

void Attempt::post(std::function<void()> task) {
  context_.worker->post(in_this_step(std::move(task)));
}

void Attempt::begin_step(base::TimePoint until, std::function<void()> on_timeout) {
  end_step();
  step_ = std::make_shared<int>(0);
  timer_ = context_.worker->post_at(until, in_this_step(std::move(on_timeout)));
}

void Attempt::end_step() {
  step_.reset();
  if (timer_ != 0) context_.worker->cancel(std::exchange(timer_, 0));
  if (ticket_ != 0) context_.resolver.cancel(std::exchange(ticket_, 0));
  if (client_) client_->shut_down(base::cancelled("the connection attempt was given up"));
  client_.reset();
  pin_.reset();
}

void Attempt::next_endpoint() {
  const auto& endpoints = context_.options.endpoints;
  if (endpoint_index_ == endpoints.size()) return give_up();
  const base::TimePoint now = context_.worker->now();
  const auto left = std::max(base::Duration::zero(), paho_deadline_ - now);
  endpoint_deadline_ = now + left / static_cast<int>(endpoints.size() - endpoint_index_);
  endpoint_cause_.reset();
  address_index_ = 0;
  if (is_numeric_address(endpoint().host)) {
    addresses_ = {endpoint().host};
    next_address();
  } else {
    resolve();
  }
}

void Attempt::resolve() {
  begin_step(endpoint_deadline_, [this] {
    note({base::unavailable("timed out looking up the host name: the name server does not answer"),
          0});
    addresses_.clear();
    next_address();
  });
  ticket_ = context_.resolver.resolve(
      endpoint().host, [this, worker = context_.worker,
                        step = std::weak_ptr<int>(step_)](const Resolver::Addresses& found) {
        worker->post([this, step, found] {
          if (step.expired()) return;
          addresses_.clear();
          if (found.ok()) {
            addresses_ = found.value();
          } else {
            note({found.status(), 0});
          }
          next_address();
        });
      });
}

void Attempt::next_address() {
  end_step();
  if (address_index_ < addresses_.size()) return connect(addresses_[address_index_]);
  causes_.push_back(*endpoint_cause_);
  ++endpoint_index_;
  next_endpoint();
}

void Attempt::connect(const std::string& address) {
  const base::TimePoint now = context_.worker->now();
  const auto left = std::max(base::Duration::zero(), endpoint_deadline_ - now);
  begin_step(now + left / static_cast<int>(addresses_.size() - address_index_),
             [this] { address_failed(AttemptEnd::kSilence); });
  if (address != endpoint().host) pin_.emplace(endpoint().host, address);

  // Paho's threads run these: they only post, and the step tells whether anybody
  // still wants to know.
  const auto in_step = [worker = context_.worker, step = std::weak_ptr<int>(step_)](auto task) {
    worker->post([step, task] {
      if (!step.expired()) task();
    });
  };
  PahoClient::Events events;
  auto id = std::make_shared<const PahoClient*>(nullptr);
  events.connected = [this, in_step](bool session_present) {
    in_step([this, session_present] { connected(session_present); });
  };
  events.connect_failed = [this, in_step](const base::Status& refusal) {
    in_step([this, refusal] { connect_failed(refusal); });
  };
  events.lost = [id, lost = lost_](const base::Status& reason) { lost(*id, reason); };
  auto made = PahoClient::make(endpoint(), context_.options, std::move(events), context_.sink,
                               context_.store);
  base::Status status = made.status();
  if (made.ok()) {
    client_ = std::move(made).value();
    *id = client_.get();
    status = client_->connect(context_.options, context_.files, context_.clean_session, keep_alive_);
  }
  if (status.ok()) return;
  note({status, 0});
  ++address_index_;
  next_address();
}

void Attempt::connected(bool session_present) {
  // A server's keep alive must be used (MQTT-3.1.2-21), and Paho 1.3.12 ignores it.
  const auto wanted = client_->limits().server_keep_alive.value_or(keep_alive_);
  if (std::exchange(keep_alive_, wanted) != wanted) return next_address();  // the same one again
  Made made{std::exchange(client_, nullptr), session_present, endpoint(), keep_alive_};
  end_step();
  finish(std::move(made));
}

void Attempt::connect_failed(const base::Status& refusal) {
  if (refusal.ok()) return address_failed(AttemptEnd::kBroken);
  note({refusal, 3});
  address_index_ = addresses_.size();  // the broker itself has spoken
  next_address();
}

void Attempt::address_failed(AttemptEnd end) {
  end_step();  // the client's socket is closed before ours opens
  const std::string& address = addresses_[address_index_];
  const auto parts = static_cast<int>(addresses_.size() * context_.options.endpoints.size());
  const base::TimePoint until =
      end == AttemptEnd::kSilence
          ? std::min(deadline_, context_.worker->now() + (deadline_ - paho_deadline_) / parts)
          : std::min(deadline_, context_.worker->now() + (deadline_ - paho_deadline_));
  note(diagnose(endpoint(), context_.options.protocol, address, context_.files, end, until));
  ++address_index_;
  next_address();
}

void Attempt::note(Diagnosis diagnosis) {
  // Of a name's addresses, the one that got furthest tells most.
  if (!endpoint_cause_ || diagnosis.depth >= endpoint_cause_->depth)
    endpoint_cause_ = std::move(diagnosis);
}

void Attempt::give_up() {
  std::string text;
  const Diagnosis* most_telling = &causes_.front();
  for (std::size_t i = 0; i < causes_.size(); ++i) {
    text += (i > 0 ? "; " : "") + context_.options.endpoints[i].str() + ": " +
            causes_[i].cause.message();
    if (causes_[i].depth > most_telling->depth) most_telling = &causes_[i];
  }
  finish(base::Status(most_telling->cause.kind(), std::move(text)));
}

void Attempt::finish(base::Result<Made> result) {
  const Done done = done_;  // it may destroy this attempt
  done(std::move(result));
}

}  // namespace dapr_mqtt::mqtt
