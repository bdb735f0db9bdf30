#include "dapr_mqtt/observability/dapr_logger.h"

#include <limits.h>
#include <spdlog/details/log_msg.h>
#include <spdlog/formatter.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "dapr_mqtt/base/text.h"
#include "observability/line_writer.h"
#include "observability/log_format.h"

namespace dapr_mqtt::observability {
namespace {

/// This component's scope; daprd's lines have others (dapr.runtime, …).
constexpr std::string_view kScope = "dapr.components.pubsub.mqtt";

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

std::string_view level_name(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::debug: return "debug";
    case spdlog::level::warn: return "warning";
    case spdlog::level::err: return "error";
    case spdlog::level::critical: return "fatal";
    default: return "info";
  }
}

spdlog::level::level_enum spdlog_level(base::LogLevel level) {
  switch (level) {
    case base::LogLevel::kDebug: return spdlog::level::debug;
    case base::LogLevel::kInfo: return spdlog::level::info;
    case base::LogLevel::kWarn: return spdlog::level::warn;
    case base::LogLevel::kError: return spdlog::level::err;
  }
  return spdlog::level::info;
}

/// Dapr's formats as a formatter for spdlog. The logger's name in spdlog is the
/// Component's name.
class DaprFormatter final : public spdlog::formatter {
 public:
  DaprFormatter(LogIdentity identity, LogFormat format)
      : identity_(std::move(identity)), format_(format) {}

  void format(const spdlog::details::log_msg& msg, spdlog::memory_buf_t& out) override {
    const LogRecord record{msg.time, level_name(msg.level),
                           std::string_view(msg.logger_name.data(), msg.logger_name.size()),
                           std::string_view(msg.payload.data(), msg.payload.size())};
    const std::string line = format_ == LogFormat::kJson ? format_json(identity_, record)
                                                         : format_text(identity_, record);
    out.append(line.data(), line.data() + line.size());
  }

  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<DaprFormatter>(identity_, format_);
  }

 private:
  LogIdentity identity_;
  LogFormat format_;
};

}  // namespace

std::optional<LogThreshold> parse_log_threshold(std::string_view text) {
  const std::string name = base::to_lower(text);
  if (name == "debug") return LogThreshold::kDebug;
  if (name == "info") return LogThreshold::kInfo;
  if (name == "warn" || name == "warning") return LogThreshold::kWarn;
  if (name == "error") return LogThreshold::kError;
  if (name == "fatal") return LogThreshold::kFatal;
  return std::nullopt;
}

class DaprLogger::Output {
 public:
  Output(LogOptions options, int fd)
      : formatter_(LogIdentity{std::move(options.app_id), host_name(), std::string(kScope),
                               std::move(options.version)},
                   options.format),
        writer_(fd, [this](std::size_t dropped) {
          return line(spdlog::level::warn, {},
                      std::to_string(dropped) +
                          " lines are missing here: the reader of this log did not keep up");
        }) {}

  void log(spdlog::level::level_enum level, std::string_view component,
           std::string_view message) noexcept {
    try {
      writer_.add(line(level, component, message));
    } catch (...) {
      // Out of memory: the line is lost, but the process goes on.
    }
  }
  void flush() { writer_.flush(); }

 private:
  std::string line(spdlog::level::level_enum level, std::string_view component,
                   std::string_view message) {
    spdlog::memory_buf_t out;
    formatter_.format(
        spdlog::details::log_msg(spdlog::source_loc{},
                                 spdlog::string_view_t(component.data(), component.size()), level,
                                 spdlog::string_view_t(message.data(), message.size())),
        out);
    return {out.data(), out.size()};
  }

  DaprFormatter formatter_;  // never changes: used on any thread
  LineWriter writer_;
};

DaprLogger::DaprLogger(LogOptions options, int fd)
    : threshold_(options.threshold), output_(std::make_unique<Output>(std::move(options), fd)) {}

DaprLogger::~DaprLogger() = default;

bool DaprLogger::enabled(base::LogLevel level) const {
  return static_cast<int>(level) >= static_cast<int>(threshold_);
}

void DaprLogger::write(base::LogLevel level, std::string_view instance, std::string_view message) {
  if (enabled(level)) output_->log(spdlog_level(level), instance, message);
}

void DaprLogger::fatal(std::string_view message) {
  output_->log(spdlog::level::critical, {}, message);
  flush();
}

void DaprLogger::flush() { output_->flush(); }

static_assert(static_cast<int>(LogThreshold::kDebug) == static_cast<int>(base::LogLevel::kDebug));
static_assert(static_cast<int>(LogThreshold::kError) == static_cast<int>(base::LogLevel::kError));

}  // namespace dapr_mqtt::observability
