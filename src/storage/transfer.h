#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "dapr_mqtt/base/status.h"
#include "storage/sqlite/database.h"

namespace dapr_mqtt::storage {

/// Moves the messages of one inbox's database to the end of another's. Both are of the newest
/// schema and owned by the caller.
///
/// First all messages are copied, some in each transaction, together with a note of the last copied
/// id. When the copies are synced to disk, they are deleted in `from`, and then the note is deleted.
/// So if the process or the power ends at any moment, a message is in `from`, in `to`, or in both
/// with a note that says so.
class Transfer {
 public:
  struct Result {
    std::size_t moved = 0;
    std::size_t left = 0;  ///< messages still in `from`
  };

  Transfer(sqlite::Database& from, sqlite::Database& to) : from_(from), to_(to) {}

  /// Stops copying after `time`; all that was copied is moved. Memory: the messages of one
  /// transaction.
  base::Result<Result> run(std::chrono::milliseconds time, std::size_t messages_together);

 private:
  /// Finds out what an earlier run has copied but not deleted.
  base::Status find_note();
  base::Status copy(std::chrono::milliseconds time, std::size_t messages_together);
  base::Result<bool> copy_some(sqlite::Statement& select, std::size_t most);
  base::Status note(std::int64_t copied, std::int64_t last_id);
  base::Status delete_copied();

  sqlite::Database& from_;
  sqlite::Database& to_;
  sqlite::Statement insert_;
  std::string note_;          // the name of the note in `counters`
  std::int64_t copied_ = 0;   // all ids of `from` up to this one are copied
  std::int64_t last_id_ = 0;  // the last id used in `to`
  std::size_t moved_ = 0;
};

}  // namespace dapr_mqtt::storage
