// A log line in Dapr's two formats. Pure: no clock, no output, no spdlog.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace dapr_mqtt::observability {

/// The fields that are the same in every line of a process.
struct LogIdentity {
  std::string app_id;
  std::string host;
  std::string scope;
  std::string version;
};

struct LogRecord {
  std::chrono::system_clock::time_point time;
  std::string_view level;      ///< as Dapr spells it: debug, info, warning, error, fatal
  std::string_view component;  ///< empty: the process itself
  std::string_view message;
};

/// time="…" level=info msg="…" app_id=… component=… instance=… scope=… type=log ver=…
/// Values other than plain words are quoted; control characters, characters
/// that change how a terminal shows the line, and bytes that are not UTF-8 are
/// escaped. Ends with the line's only line break.
std::string format_text(const LogIdentity& identity, const LogRecord& record);

/// One JSON object (RFC 8259) with the keys in alphabetical order, as in daprd's
/// lines; bytes that are not UTF-8 become U+FFFD. Ends with the line's only line break.
std::string format_json(const LogIdentity& identity, const LogRecord& record);

/// RFC 3339 in local time with up to nine digits of a second, trailing zeros
/// left out, e.g. 2026-01-02T03:04:05.123456789+01:00.
std::string format_time(std::chrono::system_clock::time_point time);

}  // namespace dapr_mqtt::observability
