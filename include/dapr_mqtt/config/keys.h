// The one table of a Component's metadata keys. Init is parsed with it, and
// deploy/metadata.yaml and the README's table are checked against it.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace dapr_mqtt::config {

/// The value types of Dapr's component metadata schema.
enum class KeyType { kString, kNumber, kBool, kDuration };

/// As the schema names it: "string", "number", "bool" or "duration".
std::string_view to_string(KeyType type);

/// Filled by parsing (src/config/draft.h); of no use outside this room.
struct Draft;

/// One key. All texts live as long as the process.
struct KeyInfo {
  std::string_view name{};  ///< as documented; users may write it in any case
  KeyType type = KeyType::kString;
  bool required = false;             ///< the user must write it
  bool sensitive = false;            ///< its value is never shown in an error or log
  std::string_view default_value{};  ///< as a user would write it; empty: none
  std::string_view example{};        ///< as a user would write it
  /// Completes "<value> is not …" in errors and "Allowed: …" in documents.
  std::string_view allowed{};
  /// Set only if no other values are allowed.
  std::span<const std::string_view> allowed_values{};
  std::string_view description{};
  /// Checks a value (as written, not blank; the default too) and puts it into
  /// the settings, or a problem that names this key into the draft.
  void (*apply)(const KeyInfo& key, std::string_view value, Draft& draft) = nullptr;
};

/// All keys that this version understands, in the order of the documents.
std::span<const KeyInfo> keys();

/// The key called `name` in any case, or null. Also finds keys by another name
/// (clientID for consumerID).
const KeyInfo* find_key(std::string_view name);

/// The known key that the user probably meant by `name`; empty when none is similar.
std::string_view nearest_key(std::string_view name);

/// True for keys that daprd itself reads in a pub/sub Component and passes on
/// (scopes): known, but without meaning here.
bool is_daprd_key(std::string_view name);

/// `description`, then a line with `allowed`: what deploy/metadata.yaml says.
std::string documented_description(const KeyInfo& key);

}  // namespace dapr_mqtt::config
