#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "dapr_mqtt/base/log.h"

namespace dapr_mqtt::storage {

struct OldInboxesOptions {
  std::string state_dir;
  /// An inbox is old if nobody has opened, closed or written it for this time.
  std::chrono::hours age{7 * 24};
  /// The most databases to open.
  std::size_t most_opened = 64;
  /// After this time no further database is opened.
  std::chrono::milliseconds time{300};
};

/// Checks the inboxes in a state folder that nobody uses now and that are old. Empty ones whose
/// consumerID is random (has a UUID in it), left by a killed process, are removed. For those with
/// messages, of any Component, one warning says how many there are and what to do; no message is
/// ever deleted. Reads the names in the folder and opens a bounded number of files, chosen at random.
void check_old_inboxes(const OldInboxesOptions& options, const base::Log& log);

}  // namespace dapr_mqtt::storage
