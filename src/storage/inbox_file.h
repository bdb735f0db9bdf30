#pragma once

#include <memory>

#include "dapr_mqtt/base/mutex.h"
#include "storage/message_table.h"
#include "storage/session_state.h"
#include "storage/session_table.h"
#include "storage/sqlite/database.h"

namespace dapr_mqtt::storage {

/// An inbox's database and all that is read and written through it, under one
/// lock that is held for one transaction at a time.
struct InboxFile {
  base::Mutex mutex;
  /// These three are null once the file is closed.
  std::unique_ptr<sqlite::Database> database DM_GUARDED_BY(mutex);
  std::unique_ptr<MessageTable> messages DM_GUARDED_BY(mutex);
  std::unique_ptr<SessionTable> session_rows DM_GUARDED_BY(mutex);

  SessionState session DM_GUARDED_BY(mutex);
};

}  // namespace dapr_mqtt::storage
