// Logs in the format of Dapr's own processes, so that a collector of daprd's lines can read
// ours: https://docs.dapr.io/operations/troubleshooting/logs-troubleshooting
#pragma once

#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dapr_mqtt/base/log.h"

namespace dapr_mqtt::observability {

/// Lines below this level are not written. The values of daprd's --log-level.
enum class LogThreshold { kDebug, kInfo, kWarn, kError, kFatal };

/// "debug", "info", "warn" (or "warning"), "error", "fatal", in any case.
std::optional<LogThreshold> parse_log_threshold(std::string_view text);

enum class LogFormat { kText, kJson };

struct LogOptions {
  LogThreshold threshold = LogThreshold::kInfo;
  LogFormat format = LogFormat::kText;
  std::string app_id;   ///< field app_id; empty when not known
  std::string version;  ///< field ver
};

/// Writes one line for each message, without buffering, on a thread of its own. The fields are
/// Dapr's (time, level, type, msg, scope, instance = host name, ver, app_id) and `component`, the
/// Component's name, where there is one.
///
/// Thread-safe. Never throws, and never waits for the reader of the output: up to 1 MiB is queued;
/// further lines are dropped, and a later line says how many. The destructor writes the queued
/// lines, for up to a second.
class DaprLogger final : public base::Logger {
 public:
  /// The caller owns `fd`, which must outlive this. By default standard output, as in daprd.
  explicit DaprLogger(LogOptions options, int fd = STDOUT_FILENO);
  ~DaprLogger() override;
  DaprLogger(const DaprLogger&) = delete;
  DaprLogger& operator=(const DaprLogger&) = delete;

  bool enabled(base::LogLevel level) const override;
  void write(base::LogLevel level, std::string_view instance, std::string_view message) override;
  /// Logs why the process ends, at every threshold, and waits until the line is written, for a
  /// second at most. Does not end the process.
  void fatal(std::string_view message);
  /// Waits until all lines so far are written, for a second at most.
  void flush();

 private:
  class Output;

  const LogThreshold threshold_;
  const std::unique_ptr<Output> output_;
};

}  // namespace dapr_mqtt::observability
