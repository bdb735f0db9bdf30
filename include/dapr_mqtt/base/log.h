// How every room logs without knowing the library behind it.
#pragma once

#include <string>
#include <string_view>

namespace dapr_mqtt::base {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

/// Thread-safe; never throws, never waits for the reader of the lines, calls no callback: it may be
/// used with a lock held. Texts hold no secret and no payload; text that comes
/// from outside (topics, names) goes through quote() of text.h first.
class Logger {
 public:
  virtual ~Logger() = default;
  virtual bool enabled(LogLevel level) const = 0;
  /// `instance` is the Component's name, or empty for the process itself.
  virtual void write(LogLevel level, std::string_view instance, std::string_view message) = 0;
};

/// A Logger with the instance's name filled in. Can be copied freely; the Logger
/// must outlive it.
class Log {
 public:
  explicit Log(Logger& logger, std::string instance = {})
      : logger_(&logger), instance_(std::move(instance)) {}

  bool debug_enabled() const { return logger_->enabled(LogLevel::kDebug); }
  void debug(std::string_view m) const { logger_->write(LogLevel::kDebug, instance_, m); }
  void info(std::string_view m) const { logger_->write(LogLevel::kInfo, instance_, m); }
  void warn(std::string_view m) const { logger_->write(LogLevel::kWarn, instance_, m); }
  void error(std::string_view m) const { logger_->write(LogLevel::kError, instance_, m); }

 private:
  Logger* logger_;
  std::string instance_;
};

}  // namespace dapr_mqtt::base
