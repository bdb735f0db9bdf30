// What the process measures, as a page that Prometheus reads.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "dapr_mqtt/base/clock.h"
#include "dapr_mqtt/core/counters.h"
#include "dapr_mqtt/core/inbox.h"

namespace dapr_mqtt::observability {

struct BuildInfo {
  std::string version;
  std::string commit;  ///< empty when not known
};

/// What the kernel counts of this process; values it does not tell are left out.
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
  std::string consumer_id;  ///< with it, what tells instances apart
  const core::Counters& counters;
  core::InboxUsage inbox;
  core::InboxLimits inbox_limits;
  std::optional<base::WallTime> oldest_received;
  bool publisher_connected = false;
  bool ready = false;
};

/// Prometheus' text format 0.0.4, names and units by its conventions
/// (https://prometheus.io/docs/practices/naming); each name begins with
/// dapr_mqtt_ but those of the process, which are Prometheus' own.
///
/// Pure: what it is given is all that it shows. Not thread-safe.
class MetricsPage {
 public:
  MetricsPage(const BuildInfo& build, const ProcessReading& process, base::WallTime now);
  ~MetricsPage();
  MetricsPage(const MetricsPage&) = delete;
  MetricsPage& operator=(const MetricsPage&) = delete;

  /// Instances with the same component and consumer ID are added up.
  void add(const InstanceReading& instance);

  std::string text() const;
  static const char* content_type() { return "text/plain; version=0.0.4; charset=utf-8"; }

 private:
  class Families;
  const base::WallTime now_;
  const std::unique_ptr<Families> families_;
};

}  // namespace dapr_mqtt::observability
