// The numbers of an inbox's messages in its file.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dapr_mqtt/base/status.h"
#include "storage/sqlite/database.h"

namespace dapr_mqtt::storage {

/// No id above the returned one has been used. To be called after renumber_damaged(). A counter that
/// is missing or damaged is ignored.
base::Result<std::int64_t> ids_used(sqlite::Database& database);

/// Gives new numbers, after all others, to messages whose numbers are damaged: with such a number a
/// message would not be claimed, and a new message might get the same number. Uses its own
/// transaction, if there are any; returns how many.
base::Result<std::size_t> renumber_damaged(sqlite::Database& database);

}  // namespace dapr_mqtt::storage
