// The part of Connection for credentials: reads, tries, renews and reports them.
#include <algorithm>
#include <utility>

#include "mqtt/connection.h"
#include "mqtt/credential_trial.h"

namespace dapr_mqtt::mqtt {
namespace {

using std::chrono::milliseconds;

/// The least time for the second try within one attempt.
constexpr milliseconds kLeastForSecondTry{500};
/// The interval between two checks of expiry times, if no file is watched.
constexpr std::chrono::minutes kExpiryCheckInterval{1};

bool is_refusal(const base::Status& status) {
  return status.kind() == base::ErrorKind::kUnauthenticated ||
         status.kind() == base::ErrorKind::kPermissionDenied;
}

}  // namespace

base::Result<AttemptMade> Connection::attempt(const credentials::Credentials& credentials,
                                              milliseconds timeout) {
  core::ConnectionOptions options = settings_.options;
  credentials.apply_to(options);
  options.connect_timeout = timeout;
  auto made = attempt_to_connect(
      {options, settings_.clean_session, whole_timeout_, sink_, ledger_, *resolver_, cancel_,
       unanswered_,
       [this, worker = worker_](const std::weak_ptr<const PahoClient>& client,
                                const base::Status& cause, core::ConnectionEnd end) {
         worker->post([this, client, cause, end] { client_lost(client, cause, end); });
       }});
  if (made.ok()) keeper_.accepted(credentials);
  return made;
}

base::Result<AttemptMade> Connection::attempt_with_credentials() {
  const milliseconds timeout =
      std::exchange(first_timeout_, std::nullopt).value_or(settings_.options.connect_timeout);
  const base::TimePoint deadline = worker_->now() + timeout;
  const auto found = keeper_.for_attempt();
  if (!found.ok()) return found.status();
  auto made = attempt(found.value(), timeout);
  if (made.ok() || !is_refusal(made.status())) return made;
  const auto earlier = keeper_.refused(found.value(), made.status(), worker_->now());
  if (!earlier) return made;
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - worker_->now());
  auto second = attempt(*earlier, std::max(left, std::min(timeout, kLeastForSecondTry)));
  // If the earlier credentials fail too, the first failure is returned: they have been replaced.
  return second.ok() || second.status().kind() == base::ErrorKind::kCancelled ? std::move(second)
                                                                              : std::move(made);
}

void Connection::check_credentials() {
  credential_timer_ = 0;
  if (!client()) return;
  if (const auto changed = keeper_.look(worker_->now())) renew(*changed);
  if (!client()) return;
  report_credentials();
  if (credential_timer_ != 0) return;  // set for a connection that was made in renew()
  const base::Duration pause = keeper_.watches() ? credentials::CredentialKeeper::kLookEvery
                                                 : base::Duration(kExpiryCheckInterval);
  credential_timer_ = worker_->post_at(worker_->now() + pause, [this] { check_credentials(); });
}

void Connection::renew(const credentials::Credentials& changed) {
  core::ConnectionOptions options = settings_.options;
  changed.apply_to(options);
  // A handshake on a second connection first: if either side rejects the other's certificate, the
  // current connection is not lost.
  const CredentialTrial trial = try_handshake(endpoint_, options, *resolver_, cancel_);
  if (trial.verdict == CredentialTrial::Verdict::kNotKnown) return;  // tried at the next check
  if (trial.verdict == CredentialTrial::Verdict::kRefused) {
    keeper_.refused(changed, trial.why, worker_->now());
    return;
  }
  handle(event::Renew{base::unavailable("reconnecting with changed credentials (" +
                                        credentials::files_of(settings_.options) + ")")});
}

void Connection::act(const action::LeaveToRenew& action) {
  log_.info("MQTT " + settings_.role + ": " + action.cause.message());
  drop_client(action.cause);
  listener_.on_disconnected(action.cause, core::ConnectionEnd::kRenewal);
}

void Connection::report_credentials() {
  const auto& in_use = keeper_.in_use();
  if (!in_use) return;
  core::CredentialsReport report{keeper_.problem(), in_use->expiries};
  if (broker_certificate_end_) {
    report.expiries.push_back({core::CredentialExpiry::What::kBrokerCertificate,
                               base::WallTime(std::chrono::seconds(*broker_certificate_end_))});
  }
  const std::string who = "MQTT " + settings_.role + ": ";
  if (const std::string& problem = report.problem.message();
      problem != (reported_ ? reported_->problem.message() : "")) {
    problem.empty() ? log_.info(who + "the credentials in the files are in use")
                    : log_.warn(who + problem);
  }
  for (const std::string& warning :
       expiry_watch_.due(report.expiries, in_use->token_issued, base::SystemWallClock().now())) {
    log_.warn(who + warning);
  }
  const bool changed = !reported_ || reported_->problem.message() != report.problem.message() ||
                       reported_->expiries != report.expiries;
  if (!changed) return;
  reported_ = report;
  listener_.on_credentials(report);
}

}  // namespace dapr_mqtt::mqtt
