#pragma once

#include <memory>
#include <string>

#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/core/inbox.h"

namespace dapr_mqtt::storage {

struct DurableInboxOptions {
  /// Where all inboxes are; made if it does not exist.
  std::string state_dir;
  /// Brokers and consumerID: whose inbox it is.
  std::string identity;
  std::string consumer_id;  ///< to be shown
  core::InboxLimits limits;
  /// Each message survives a power cut too, for an fsync each.
  bool full_sync = false;
};

/// Opens the inbox in a file, new or with what an earlier process left in it:
/// all of that waits, in order of arrival, with failures and due times; nothing
/// of it is over for having been delivered. Reads some 100 bytes for each
/// message.
///
/// FAILED_PRECONDITION: another process has it, or a newer version wrote it.
/// UNAVAILABLE: the disk. The text says what to do. A damaged file is set aside.
base::Result<std::unique_ptr<core::DurableInbox>> open_durable_inbox(
    const DurableInboxOptions& options, const base::Log& log);

}  // namespace dapr_mqtt::storage
