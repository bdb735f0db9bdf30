#pragma once

#include "dapr_mqtt/base/status.h"
#include "storage/sqlite/database.h"

namespace dapr_mqtt::storage {

/// Migrates a database, new or of an older version, to the newest schema, in one
/// transaction. FAILED_PRECONDITION when a newer version of the program wrote it.
base::Status migrate(sqlite::Database& database);

}  // namespace dapr_mqtt::storage
