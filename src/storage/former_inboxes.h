#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "dapr_mqtt/base/log.h"
#include "storage/inbox_folder.h"
#include "storage/inbox_owner.h"
#include "storage/sqlite/database.h"

namespace dapr_mqtt::storage {

struct FormerInboxesOptions {
  sqlite::DatabaseOptions database;
  /// Limited, since Init must end within seconds: the rest follows at the next start.
  std::chrono::milliseconds time{2000};
  /// Messages copied in one transaction.
  std::size_t messages_together = 256;
};

/// Moves messages here from former inboxes: inboxes in `state_dir` of the same Component and
/// consumerID that were used while its url was another one. Their messages go to the end of the
/// inbox in `own`, in order, with attempts and due times, and are deleted from the other inbox when
/// they are on disk here. The state of the sessions at the other broker (subscriptions, packet
/// identifiers) stays there, in case the url is changed back.
///
/// `own` must be claimed, and its database not open. Inboxes in use are skipped. Failures are
/// only logged, and the next start tries again. If the process ends at any moment, no message is
/// lost, and after the next start with the same url none is there twice.
void bring_over_former_inboxes(const std::string& state_dir, const InboxFolder& own,
                               const InboxOwner& owner, const FormerInboxesOptions& options,
                               const base::Log& log);

}  // namespace dapr_mqtt::storage
