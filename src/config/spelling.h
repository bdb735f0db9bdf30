#pragma once

#include <map>
#include <string_view>

#include "config/draft.h"
#include "dapr_mqtt/config/keys.h"
#include "dapr_mqtt/core/metadata.h"

namespace dapr_mqtt::config {

/// What was given for each key, as written. Points into the metadata.
using GivenValues = std::map<const KeyInfo*, std::string_view>;

/// Finds out which key each entry of the metadata means. Blank values count as
/// not given. Unknown keys and keys given twice become warnings; a key given
/// twice with different values becomes a problem.
///
/// daprd puts its app ID under exactly `consumerID` when it finds nothing there,
/// so an entry with another spelling of it is the user's and wins.
GivenValues match_keys(const core::Metadata& metadata, Draft& draft);

}  // namespace dapr_mqtt::config
