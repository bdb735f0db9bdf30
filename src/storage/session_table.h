#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dapr_mqtt/core/session_store.h"
#include "storage/sqlite/database.h"

namespace dapr_mqtt::storage {

/// The rows of an instance's MQTT sessions: packets of QoS 2 and subscriptions. No
/// transactions of its own. As thread-safe as its Database, which outlives it.
class SessionTable {
 public:
  /// The schema must be the newest.
  static base::Result<std::unique_ptr<SessionTable>> make(sqlite::Database& database);

  /// No `body`: a mark.
  base::Status put(core::PacketKey key, std::optional<std::string_view> body);
  base::Status erase(core::PacketKey key);
  /// None when there is no such row, or it is a mark.
  base::Result<std::optional<std::string>> body(core::PacketKey key);
  base::Status load_packets(const std::function<void(core::PacketKey, bool mark)>& row);

  base::Status add(std::size_t connection, std::string_view filter);
  base::Status remove(std::size_t connection, std::string_view filter);
  base::Status load_subscriptions(
      const std::function<void(std::size_t connection, std::string_view filter)>& row);

 private:
  SessionTable() = default;

  sqlite::Statement put_;
  sqlite::Statement erase_;
  sqlite::Statement body_;
  sqlite::Statement packets_;
  sqlite::Statement add_;
  sqlite::Statement remove_;
  sqlite::Statement subscriptions_;
};

}  // namespace dapr_mqtt::storage
