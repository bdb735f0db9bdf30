#include "dapr_mqtt/credentials/expiry_watch.h"

#include <ctime>

namespace dapr_mqtt::credentials {
namespace {

using What = core::CredentialExpiry::What;
using std::chrono::duration_cast;

std::string in_words(base::WallTime::duration left) {
  using days = std::chrono::duration<long, std::ratio<86400>>;
  if (left >= days(2)) return std::to_string(duration_cast<days>(left).count()) + " days";
  if (left >= std::chrono::hours(2)) {
    return std::to_string(duration_cast<std::chrono::hours>(left).count()) + " hours";
  }
  if (left >= std::chrono::minutes(2)) {
    return std::to_string(duration_cast<std::chrono::minutes>(left).count()) + " minutes";
  }
  return std::to_string(duration_cast<std::chrono::seconds>(left).count()) + " s";
}

std::string date(base::WallTime at) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(at);
  std::tm parts{};
  char out[32] = "?";
  if (::gmtime_r(&seconds, &parts) != nullptr) {
    std::strftime(out, sizeof out, "%Y-%m-%d %H:%M UTC", &parts);
  }
  return out;
}

base::WallTime::duration soon(What what, base::WallTime expires,
                              std::optional<base::WallTime> issued) {
  if (what != What::kToken) return ExpiryWatch::kCertificateSoon;
  if (!issued || *issued >= expires) return ExpiryWatch::kTokenSoon;
  return (expires - *issued) / 10;
}

}  // namespace

std::vector<std::string> ExpiryWatch::due(const std::vector<core::CredentialExpiry>& expiries,
                                          std::optional<base::WallTime> token_issued,
                                          base::WallTime now) {
  std::vector<std::string> out;
  for (const core::CredentialExpiry& expiry : expiries) {
    const auto left = expiry.at - now;
    if (left >= soon(expiry.what, expiry.at, token_issued)) continue;
    const auto before = warned_.find(expiry.what);
    if (before != warned_.end() && before->second.expiry == expiry.at) {
      const base::WallTime warned_at = before->second.when;
      const bool has_expired_since = warned_at < expiry.at && now >= expiry.at;
      if (now - warned_at < kWarnAgainAfter && !has_expired_since) continue;
    }
    warned_[expiry.what] = {expiry.at, now};
    const std::string name = std::string("the ") + core::name_of(expiry.what);
    const bool token = expiry.what == What::kToken;
    if (left.count() <= 0) {
      out.push_back(name + " expired at " + date(expiry.at));
    } else {
      out.push_back(name + " expires in " + in_words(left) + " (" + date(expiry.at) + ")" +
                    (token
                         ? " and has not been renewed: is the program that writes it still running?"
                         : ": renew it"));
    }
  }
  return out;
}

}  // namespace dapr_mqtt::credentials
