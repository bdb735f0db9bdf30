#pragma once

#include <map>
#include <string_view>

#include "config/draft.h"
#include "dapr_mqtt/config/keys.h"
#include "dapr_mqtt/core/metadata.h"

namespace dapr_mqtt::config {

/// The value that was given for each key, as written. Points into the metadata.
using GivenValues = std::map<const KeyInfo*, std::string_view>;

/// Finds out which key each entry of the metadata means. Blank values count as
/// not given. Unknown keys and keys given twice become warnings; a key given
/// twice with different values becomes a problem.
///
/// daprd puts its app ID under exactly `consumerID` when it finds nothing there,
/// so an entry with another spelling is the user's and has priority.
GivenValues match_keys(const core::Metadata& metadata, Draft& draft);

/// Whether the user means daprd's rawPayload by this key: in any letter case, or by the name that
/// some SDKs use.
bool means_raw_payload(std::string_view key);

}  // namespace dapr_mqtt::config
