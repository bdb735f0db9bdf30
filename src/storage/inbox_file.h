#pragma once

#include <memory>

#include "dapr_mqtt/base/mutex.h"
#include "storage/file_clock.h"
#include "storage/message_table.h"
#include "storage/session_state.h"
#include "storage/session_table.h"
#include "storage/sqlite/database.h"

namespace dapr_mqtt::storage {

/// An inbox's database and the objects that read and write it.
struct InboxFile {
  /// Held during SQLite's reads and writes, for one transaction at a time (for all of them when the
  /// file is opened or closed): changes that one thread has taken from memory must be written before
  /// another thread takes later ones. Never taken by a thread that must not wait for a disk. Receipts
  /// are given after it is released.
  base::Mutex mutex;
  /// These three are null once the file is closed.
  std::unique_ptr<sqlite::Database> database DM_GUARDED_BY(mutex);
  std::unique_ptr<MessageTable> messages DM_GUARDED_BY(mutex);
  std::unique_ptr<SessionTable> session_rows DM_GUARDED_BY(mutex);

  FileClock clock DM_GUARDED_BY(mutex);
  SessionState session DM_GUARDED_BY(mutex);
};

}  // namespace dapr_mqtt::storage
