#pragma once

#include <memory>
#include <string>

#include "dapr_mqtt/base/log.h"
#include "storage/sqlite/database.h"

namespace dapr_mqtt::storage {

/// A sound database of the newest schema at `path`, which the caller owns. One
/// that is damaged, or no database, is renamed to "<path>.corrupt-<UTC time>"
/// with a loud error, never deleted, and a new one takes its place.
base::Result<std::unique_ptr<sqlite::Database>> open_database(
    const std::string& path, const sqlite::DatabaseOptions& options, const base::Log& log);

}  // namespace dapr_mqtt::storage
