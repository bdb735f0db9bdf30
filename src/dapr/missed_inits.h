// Calls for instances that this process has had no Init for.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <utility>

#include "dapr/acceptor.h"
#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::dapr {

/// A Component's name for logs and answers: component "orders".
std::string in_words(const std::string& name);

/// Remembers which names are called without an Init on open connections, and answers with the
/// cause. The usual cause: this process was restarted, and daprd, which calls Init once, goes on
/// calling. Thread-safe.
class MissedInits {
 public:
  /// `on_first` runs on the caller's thread when a name is called without an Init for the first
  /// time on its connection. The caller may hold locks, so `on_first` must do no more than post a
  /// task.
  explicit MissedInits(std::function<void()> on_first) : on_first_(std::move(on_first)) {}

  /// A call came for `name`. Returns the answer for the caller, FAILED_PRECONDITION.
  base::Status refuse(ConnectionId connection, const std::string& name);
  /// An Init has succeeded: forgets the name.
  void initialised(ConnectionId connection, const std::string& name);
  void connection_ended(ConnectionId connection);

  /// Sets the text about a daprd that missed the restart and what is being done about it, for
  /// callers, probes and /readyz. Empty: no such daprd is known. `init_expected`: a daprd was told
  /// to start anew and is about to call Init.
  void set_notice(std::string notice, bool init_expected);
  bool init_expected() const;

  /// OK, or UNAVAILABLE with the notice or, without a notice, with the names that were called.
  base::Status status() const;

 private:
  const std::function<void()> on_first_;
  mutable base::Mutex mutex_;
  std::set<std::pair<ConnectionId, std::string>> names_ DM_GUARDED_BY(mutex_);
  std::string notice_ DM_GUARDED_BY(mutex_);
  bool init_expected_ DM_GUARDED_BY(mutex_) = false;
};

}  // namespace dapr_mqtt::dapr
