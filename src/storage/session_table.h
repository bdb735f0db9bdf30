#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "dapr_mqtt/core/session_store.h"
#include "storage/sqlite/database.h"

namespace dapr_mqtt::storage {

/// The rows of an instance's MQTT sessions: packet identifiers of QoS 2 and subscriptions. Begins no
/// transactions. As thread-safe as its Database, which must outlive it.
class SessionTable {
 public:
  /// The database must have the newest schema.
  static base::Result<std::unique_ptr<SessionTable>> make(sqlite::Database& database);

  base::Status put(core::PacketKey key);
  base::Status erase(core::PacketKey key);
  base::Status load_packets(const std::function<void(core::PacketKey)>& row);

  base::Status add(std::size_t connection, std::string_view filter);
  base::Status remove(std::size_t connection, std::string_view filter);
  base::Status load_subscriptions(
      const std::function<void(std::size_t connection, std::string_view filter)>& row);

 private:
  SessionTable() = default;

  sqlite::Statement put_;
  sqlite::Statement erase_;
  sqlite::Statement packets_;
  sqlite::Statement add_;
  sqlite::Statement remove_;
  sqlite::Statement subscriptions_;
};

}  // namespace dapr_mqtt::storage
