// The metrics of the process, as a page for Prometheus.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dapr_mqtt/base/clock.h"
#include "dapr_mqtt/core/counters.h"
#include "dapr_mqtt/core/credentials_report.h"
#include "dapr_mqtt/core/inbox.h"
#include "dapr_mqtt/core/missing_answer.h"

namespace dapr_mqtt::observability {

struct BuildInfo {
  std::string version;
  std::string commit;  ///< empty when not known
};

/// The kernel's numbers for this process; those that cannot be read are missing.
struct ProcessReading {
  std::optional<double> cpu_seconds;
  std::optional<double> start_time_seconds;  ///< since 1970
  std::optional<double> resident_bytes;
  std::optional<double> open_fds;
  std::optional<double> max_fds;
  std::optional<double> threads;
};

/// From /proc/self. Never fails.
ProcessReading read_process();

/// One instance, at the moment it is added to a page.
struct InstanceReading {
  std::string component;    ///< the Component's name
  std::string consumer_id;  ///< identifies the instance, together with component
  const core::Counters& counters;
  core::InboxUsage inbox;
  core::InboxLimits inbox_limits;
  std::optional<base::WallTime> oldest_received;
  core::HeldMessages held;  ///< messages in the inbox that are still at the broker
  core::InboxUsage stored;  ///< messages in the inbox that are on disk
  bool publisher_connected = false;
  bool ready = false;
  std::vector<core::MissingAnswer> missing_answers{};
  core::CredentialsReport credentials{};
};

/// Prometheus' text format 0.0.4, names and units by its conventions
/// (https://prometheus.io/docs/practices/naming). Each name begins with
/// dapr_mqtt_, except those of the process, which are Prometheus' own.
///
/// Pure: shows only what it is given. Not thread-safe.
class MetricsPage {
 public:
  MetricsPage(const BuildInfo& build, const ProcessReading& process, const base::ClockReading& now);
  ~MetricsPage();
  MetricsPage(const MetricsPage&) = delete;
  MetricsPage& operator=(const MetricsPage&) = delete;

  /// The values of instances with the same component and consumer ID are added up.
  void add(const InstanceReading& instance);

  std::string text() const;
  static const char* content_type() { return "text/plain; version=0.0.4; charset=utf-8"; }

 private:
  class Families;
  const base::ClockReading now_;
  const std::unique_ptr<Families> families_;
};

}  // namespace dapr_mqtt::observability
