// Decides which credentials a connection uses, and when it connects anew because they have changed.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/credentials/credentials.h"

namespace dapr_mqtt::credentials {

/// Only decides: the connection reports what happened and acts.
///
/// Each attempt to connect uses the credentials in the files. Earlier credentials stay in use in
/// two cases only: the files cannot be read or parsed, or the broker refuses the new credentials
/// (it may get a new password later than the file). Then problem() says so, and the new credentials
/// are tried again from time to time, and when the files change.
///
/// Not thread-safe: used on the connection's thread only. look() and for_attempt() block on the
/// file system.
class CredentialKeeper {
 public:
  using Read = std::function<base::Result<Credentials>()>;

  /// While connected, the files are checked at this interval.
  static constexpr base::Duration kLookEvery = std::chrono::seconds(1);
  /// Unusable files are reported only after this time: a file may be half written, or one of a pair
  /// not replaced yet.
  static constexpr base::Duration kHalfWritten = std::chrono::seconds(3);
  /// Between two tries of credentials that the broker refuses while it accepts earlier ones: each
  /// try costs a reconnect.
  static constexpr base::Duration kFirstRetry = std::chrono::seconds(30);
  static constexpr base::Duration kLastRetry = std::chrono::minutes(10);

  /// `read`: read_credentials() of the connection's options. `watched`: it reads files.
  CredentialKeeper(Read read, bool watched) : read_(std::move(read)), watched_(watched) {}

  /// For an attempt to connect: the credentials in the files, or the last ones that the broker
  /// accepted if the files cannot be used. An error when there are neither.
  base::Result<Credentials> for_attempt();
  /// The broker has accepted these.
  void accepted(const Credentials& credentials);
  /// The broker, or a check of ours, has refused these. Returns the credentials to go on with, if
  /// the broker has accepted others before.
  std::optional<Credentials> refused(const Credentials& credentials, const base::Status& why,
                                     base::TimePoint now);

  /// Called every kLookEvery while connected. Returns the credentials to connect anew with, if the
  /// files hold others than those in use, and held the same ones at the last look.
  std::optional<Credentials> look(base::TimePoint now);
  bool watches() const { return watched_; }

  /// OK, or why the credentials in the files are not in use.
  const base::Status& problem() const { return problem_; }
  /// The credentials that the broker accepted last.
  const std::optional<Credentials>& in_use() const { return in_use_; }

 private:
  const Read read_;
  const bool watched_;
  std::optional<Credentials> in_use_;
  std::optional<Credentials> seen_;  ///< found by the last look, and not those in use
  std::optional<Credentials> refused_;
  base::TimePoint retry_at_{};
  base::Duration retry_after_ = kFirstRetry;
  bool bad_ = false;  ///< the files could not be used when they were read last
  std::optional<base::TimePoint> bad_since_;  ///< set by look()
  base::Status problem_;
};

}  // namespace dapr_mqtt::credentials
