#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/core/inbox.h"

namespace dapr_mqtt::storage {

struct DurableInboxOptions {
  /// The folder of all inboxes; created if it does not exist.
  std::string state_dir;
  /// Brokers and consumerID: identifies the inbox.
  std::string identity{};
  std::string consumer_id{};
  /// The Component's name. Other brokers' inboxes with the same name and consumerID belong to this
  /// Component too: their messages are moved here. Empty: no inbox matches.
  std::string component{};
  std::string brokers{};  ///< for log lines
  core::InboxLimits limits{};
  /// Each message survives a power cut too, at the cost of an fsync for each commit.
  bool full_sync = false;
  /// The longest time from the app's failure to the next try. Messages that an earlier process
  /// delayed do not wait longer, even if the clocks are wrong.
  std::chrono::milliseconds longest_wait = std::chrono::hours(24 * 365);
  /// The longest time for moving messages from former inboxes; the rest follows at the next start.
  std::chrono::milliseconds time_for_former{2000};
};

/// The limits that an inbox in this folder can keep. On a small volume max_bytes is lower: all that
/// is available now except a reserve, which is needed to delete handled messages. The folder need
/// not exist yet. If the size of the volume cannot be read, returns `limits` unchanged.
core::InboxLimits fit_to_volume(core::InboxLimits limits, const std::string& state_dir,
                                const base::Log& log);

/// Opens the inbox in a file, new or with the messages of an earlier process. All of those wait, in
/// order of arrival, with failures and due times, also those that were delivered but not settled.
/// Reads about 100 bytes for each message.
///
/// Before that, moves messages here from inboxes of the same Component and consumerID at other
/// brokers (its url was changed), unless another process has them open.
///
/// FAILED_PRECONDITION: another process has the inbox open, or a newer version wrote it.
/// UNAVAILABLE: the disk failed. The text says what to do. A damaged file is set aside.
base::Result<std::unique_ptr<core::DurableInbox>> open_durable_inbox(
    const DurableInboxOptions& options, const base::Log& log);

}  // namespace dapr_mqtt::storage
