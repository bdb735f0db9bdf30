// Logs as Dapr's own processes write them, so that what collects daprd's lines
// collects ours: https://docs.dapr.io/operations/troubleshooting/logs-troubleshooting
#pragma once

#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dapr_mqtt/base/log.h"

namespace dapr_mqtt::observability {

/// The least severe lines that are written: daprd's values of --log-level.
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

/// One line a message, written whole with one write, at once: nothing is lost
/// when the process ends. The fields are Dapr's (time, level, type, msg, scope,
/// instance = host name, ver, app_id) and `component`, the Component's name,
/// where there is one.
///
/// Thread-safe. Never throws: a line that cannot be written is dropped. Blocks
/// while whoever reads the output does not, as daprd does; a line waits a
/// second at most where the output is non-blocking.
class DaprLogger final : public base::Logger {
 public:
  /// `fd` stays the caller's and outlives this; standard output as in daprd.
  explicit DaprLogger(LogOptions options, int fd = STDOUT_FILENO);
  ~DaprLogger() override;
  DaprLogger(const DaprLogger&) = delete;
  DaprLogger& operator=(const DaprLogger&) = delete;

  bool enabled(base::LogLevel level) const override;
  void write(base::LogLevel level, std::string_view instance, std::string_view message) override;
  /// Why the process ends; written at every threshold. Does not end it.
  void fatal(std::string_view message);

 private:
  class Output;

  const LogThreshold threshold_;
  const std::unique_ptr<Output> output_;
};

}  // namespace dapr_mqtt::observability
