#include "dapr_mqtt/credentials/credential_keeper.h"

#include <algorithm>
#include <utility>

namespace dapr_mqtt::credentials {
namespace {

constexpr const char* kGoesOn = "; the connection goes on with the earlier ones";

bool same(const std::optional<Credentials>& one, const Credentials& other) {
  return one && one->same_as(other);
}

}  // namespace

base::Result<Credentials> CredentialKeeper::for_attempt() {
  auto read = read_();
  bad_ = !read.ok();
  if (read.ok() || !in_use_) return read;
  problem_ =
      base::Status(read.status().kind(),
                   "changed credentials cannot be used: " + read.status().message() + kGoesOn);
  return *in_use_;
}

void CredentialKeeper::accepted(const Credentials& credentials) {
  const bool is_other = refused_ && !refused_->same_as(credentials);
  in_use_ = credentials;
  seen_.reset();
  if (is_other) return;  // the earlier ones: the problem stays
  refused_.reset();
  retry_after_ = kFirstRetry;
  if (!bad_) problem_ = {};
}

std::optional<Credentials> CredentialKeeper::refused(const Credentials& credentials,
                                                     const base::Status& why, base::TimePoint now) {
  if (!in_use_ || in_use_->same_as(credentials)) return std::nullopt;
  if (!same(refused_, credentials)) retry_after_ = kFirstRetry;
  refused_ = credentials;
  retry_at_ = now + retry_after_;
  retry_after_ = std::min(retry_after_ * 2, kLastRetry);
  problem_ =
      base::Status(why.kind(), "changed credentials are refused: " + why.message() + kGoesOn);
  seen_.reset();
  // The CA certificates do not identify us to the broker: they are taken from the files.
  Credentials earlier = *in_use_;
  earlier.tls.ca_pem = credentials.tls.ca_pem;
  return earlier;
}

std::optional<Credentials> CredentialKeeper::look(base::TimePoint now) {
  if (!watched_ || !in_use_) return std::nullopt;
  auto read = read_();
  bad_ = !read.ok();
  if (bad_) {
    seen_.reset();
    if (!bad_since_) bad_since_ = now;
    if (now - *bad_since_ >= kHalfWritten) {
      problem_ =
          base::Status(read.status().kind(),
                       "changed credentials cannot be used: " + read.status().message() + kGoesOn);
    }
    return std::nullopt;
  }
  bad_since_.reset();
  Credentials& found = read.value();
  if (in_use_->same_as(found)) {
    seen_.reset();
    refused_.reset();
    problem_ = {};
    return std::nullopt;
  }
  if (same(refused_, found) && now < retry_at_) return std::nullopt;
  if (same(seen_, found)) return found;
  seen_ = std::move(found);
  return std::nullopt;
}

}  // namespace dapr_mqtt::credentials
