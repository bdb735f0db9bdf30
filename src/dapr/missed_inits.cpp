#include "dapr/missed_inits.h"

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::dapr {
namespace {

/// How many names are remembered, over all connections. Calls of further names get the same answer.
constexpr std::size_t kMaxRememberedNames = 1024;

constexpr const char* kDefaultNotice =
    "daprd calls Init only when it starts or reloads the Component; if this process was "
    "restarted, restart daprd too";

}  // namespace

std::string in_words(const std::string& name) {
  return name.empty() ? "a component without a name" : "component " + base::quote(name);
}

base::Status MissedInits::refuse(ConnectionId connection, const std::string& name) {
  bool first = false;
  std::string why;
  {
    base::MutexLock lock(mutex_);
    if (names_.size() < kMaxRememberedNames) first = names_.emplace(connection, name).second;
    why = notice_.empty() ? kDefaultNotice : notice_;
  }
  if (first && on_first_) on_first_();
  return base::failed_precondition(
      in_words(name) + " is not initialised on this connection: call Init first. " + why);
}

void MissedInits::initialised(ConnectionId connection, const std::string& name) {
  base::MutexLock lock(mutex_);
  names_.erase({connection, name});
}

void MissedInits::connection_ended(ConnectionId connection) {
  base::MutexLock lock(mutex_);
  names_.erase(names_.lower_bound({connection, ""}), names_.lower_bound({connection + 1, ""}));
}

void MissedInits::set_notice(std::string notice, bool init_expected) {
  base::MutexLock lock(mutex_);
  notice_ = std::move(notice);
  init_expected_ = init_expected;
}

bool MissedInits::init_expected() const {
  base::MutexLock lock(mutex_);
  return init_expected_;
}

base::Status MissedInits::status() const {
  base::MutexLock lock(mutex_);
  if (!notice_.empty()) return base::unavailable(notice_);
  if (names_.empty()) return {};
  std::string names;
  for (const auto& [connection, name] : names_) {
    names += (names.empty() ? "" : ", ") + in_words(name);
  }
  return base::unavailable("called without Init: " + names + "; " + kDefaultNotice);
}

}  // namespace dapr_mqtt::dapr
