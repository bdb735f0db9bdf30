#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dapr_mqtt/base/clock.h"

namespace dapr_mqtt::events {

/// Writes a CloudEvent in JSON, one attribute after the other. Each name must be legal and used
/// once; texts must be UTF-8.
class EventWriter {
 public:
  /// `bytes`: the expected size.
  explicit EventWriter(std::size_t bytes) { out_.reserve(bytes); }

  void text(std::string_view name, std::string_view value);
  void number(std::string_view name, std::int64_t value);
  void flag(std::string_view name, bool value);
  /// In UTC, with milliseconds (RFC 3339).
  void time(std::string_view name, base::WallTime value);
  /// Writes the payload as `data` or `data_base64`, and `datacontenttype`: `declared` if that is a
  /// media type, else a type that is found from the bytes. The form is chosen so that daprd gives
  /// the bytes to gRPC apps too: those get `data` only for application/json and texts.
  void data(std::string_view payload, std::string_view declared);

  /// Ends the event and returns it.
  std::string take() &&;

 private:
  void name(std::string_view name);

  std::string out_;
};

}  // namespace dapr_mqtt::events
