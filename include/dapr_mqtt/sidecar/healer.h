// Restarts daprds that have not noticed a restart of this process.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/sidecar/daprd.h"

namespace dapr_mqtt::sidecar {

/// What is done to a daprd that has missed a restart.
enum class Remedy {
  kReload,    ///< SIGHUP, if it is a process of this machine and 1.18 or later
  kShutdown,  ///< POST /v1.0/shutdown, for setups in which something starts daprd again
  kNone,      ///< it is only reported
};

struct HealerOptions {
  Remedy remedy = Remedy::kReload;
  std::vector<Address> addresses;  ///< to check, besides the processes that can be seen
};

/// The Inits that this process has served: the gRPC side, as the healer sees it.
class ServedInits {
 public:
  virtual ~ServedInits() = default;
  /// The beginning of all marks of this process's socket, including those of earlier processes.
  virtual std::string mark_prefix() const = 0;
  /// Whether this mark belongs to an instance of this process.
  virtual bool has_mark(std::string_view mark) const = 0;
  /// Whether this process has had any Init.
  virtual bool any_mark() const = 0;
  /// OK, or which Components are called without an Init.
  virtual base::Status missed_restart() const = 0;
  /// The text for calls without an Init, probes and /readyz; empty: no daprd has missed a restart.
  /// `init_expected`: a daprd was told to restart, so an Init will come.
  virtual void set_missed_restart(std::string notice, bool init_expected) = 0;
};

/// daprd calls Init once and opens each subscription once. After a restart of this process, a daprd
/// that keeps running does not repeat them and reports no error. It is recognised by its metadata:
/// it holds a mark of this process's socket that belongs to no Init of this process. So no other
/// daprd is ever restarted.
///
/// Checks daprds at the start and when a call comes without an Init, and then again until none has
/// missed a restart. After the first Init, a daprd must be found twice before something is done: a
/// daprd that reloads a Component shows the old mark for a moment.
///
/// All methods except look_soon() and the destructor run on `executor`. The HTTP calls block its
/// tasks, so the healer must have an executor of its own.
class Healer {
 public:
  /// What is passed by reference must outlive this. Checks at once.
  Healer(HealerOptions options, ServedInits& served, DaprdApi& api, DaprdProcesses& processes,
         base::Executor& executor, base::Log log);
  Healer(const Healer&) = delete;
  Healer& operator=(const Healer&) = delete;

  /// A call came without an Init. Any thread, does not block.
  void look_soon();

 private:
  struct Daprd {
    Address address;
    std::string app_id;
    std::set<std::string> components;  ///< those that have missed the restart
    bool confirmed = false;            ///< it was found often enough to act
    std::string notice;                ///< the text about it for log and callers
    base::TimePoint first_seen;
    base::TimePoint last_stale;
    std::optional<base::TimePoint> acted;
  };
  struct Candidate {
    Address address;
    std::optional<DaprdProcess> process;
  };

  void restart_looking();
  void look();
  std::vector<Candidate> candidates();
  /// This and the next three return whether another look is needed.
  bool look_at(const Candidate& candidate);
  bool no_answer(const Candidate& candidate, const base::Status& problem);
  bool stale(const Candidate& candidate, const DaprdMetadata& metadata,
             std::set<std::string> components);
  bool not_stale(const Candidate& candidate, const DaprdMetadata& metadata);
  void act(Daprd& daprd, const Candidate& candidate, const DaprdMetadata& metadata);
  /// Forgets a confirmed daprd for which nothing has changed for kPatience; true if it did.
  bool gave_up(const std::string& key);
  void report_unknown();
  void publish_notice();
  std::set<std::string> components_with(const DaprdMetadata& metadata, bool current) const;

  const HealerOptions options_;
  ServedInits& served_;
  DaprdApi& api_;
  DaprdProcesses& processes_;
  base::Executor& executor_;
  const base::Log log_;

  // Used on the executor only.
  std::map<std::string, Daprd> daprds_;  // by address; those that have missed the restart
  std::vector<std::string> problems_;    // of the current look
  std::vector<std::string> recovered_;   // log lines of the current look
  base::TimePoint looking_since_{};
  base::Duration delay_{};
  base::Executor::TimerId timer_ = 0;
  bool called_ = false;  // a call without an Init has come and is not reported yet
};

}  // namespace dapr_mqtt::sidecar
