#pragma once

#include <memory>
#include <string>

#include "dapr_mqtt/base/log.h"
#include "storage/sqlite/database.h"

namespace dapr_mqtt::storage {

/// Opens or creates an undamaged database of the newest schema at `path`, which the caller owns. A
/// file that is damaged or no database is renamed to "<path>.corrupt-<UTC time>" with an error in
/// the log, never deleted, and a new database is created.
base::Result<std::unique_ptr<sqlite::Database>> open_database(
    const std::string& path, const sqlite::DatabaseOptions& options, const base::Log& log);

/// Records that damage was found in the open database at `path`: the next open_database() checks all
/// of it, even if it is large. A failure is ignored.
void mark_suspect(const std::string& path);

/// The file that mark_suspect() creates: this suffix after the database's name.
inline constexpr const char* kSuspect = "-suspect";

/// Renames a damaged database as open_database() does, if the damage was found later. Nobody may
/// have it open any more. UNAVAILABLE when it cannot be renamed.
base::Status set_aside(const std::string& path, const base::Status& cause, const base::Log& log);

}  // namespace dapr_mqtt::storage
