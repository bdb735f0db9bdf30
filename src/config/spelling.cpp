#include "config/spelling.h"

#include <algorithm>
#include <string>
#include <vector>

#include "config/limits.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::config {
namespace {

constexpr std::string_view kConsumerId = "consumerID";

struct Entry {
  std::string_view spelling;
  std::string_view value;
};

std::string quoted(std::string_view key) { return base::quote(key, 64); }

/// Adds warnings about unknown keys, at most kMaxWarnings, and then the number of the others.
class UnknownKeys {
 public:
  explicit UnknownKeys(Draft& draft) : draft_(draft) {}
  void add(std::string_view key) {
    if (++count_ > kMaxWarnings) return;
    std::string text = "unknown metadata key " + quoted(key) + " is ignored";
    if (means_raw_payload(key)) {
      text +=
          "; rawPayload belongs into the metadata of a Subscription or of a publish (cloudEvents "
          "is for all of a Component's subscriptions)";
    } else if (const std::string_view near = nearest_key(key); !near.empty()) {
      text += "; did you mean " + std::string(near) + "?";
    }
    draft_.warn(key, std::move(text));
  }
  void count_the_rest() {
    if (count_ > kMaxWarnings) {
      draft_.warn(
          "", std::to_string(count_ - kMaxWarnings) + " more unknown metadata keys are ignored");
    }
  }

 private:
  Draft& draft_;
  std::size_t count_ = 0;
};

/// The value of a key, from all its entries, of which there is at least one.
std::string_view settle(const KeyInfo& key, const std::vector<Entry>& entries, Draft& draft) {
  const Entry& first = entries.front();
  for (const Entry& other : entries) {
    if (base::trim(other.value) != base::trim(first.value)) {
      draft.problems.add(key.name, "given as " + quoted(first.spelling) + " and as " +
                                       quoted(other.spelling) +
                                       " with different values; keep one of them");
      return first.value;
    }
  }
  if (entries.size() > 1) {
    draft.warn(entries.back().spelling,
               std::string(key.name) + ": given as " + quoted(first.spelling) + " and as " +
                   quoted(entries.back().spelling) + "; one of them is enough");
  }
  return first.value;
}

}  // namespace

bool means_raw_payload(std::string_view key) {
  const std::string name = base::to_lower(key);
  return name == "rawpayload" || name == "enablerawpayload" || name == "israwpayload";
}

GivenValues match_keys(const core::Metadata& metadata, Draft& draft) {
  std::map<const KeyInfo*, std::vector<Entry>> entries;
  UnknownKeys unknown(draft);
  for (const auto& [spelling, value] : metadata) {
    const KeyInfo* const key = find_key(spelling);
    if (key == nullptr) {
      if (!is_daprd_key(spelling)) unknown.add(spelling);
    } else if (!base::trim(value).empty()) {
      entries[key].push_back({spelling, value});
    } else if (key->sensitive && !draft.is_elsewhere(key->name)) {
      // daprd sends an empty text for a key that a secret does not have.
      draft.warn(key->name,
                 std::string(key->name) +
                     ": is empty, which counts as not set; if it comes from a secret, the "
                     "secret has no such key");
    }
  }

  GivenValues given;
  for (auto& [key, found] : entries) {
    if (key->name == kConsumerId && found.size() > 1) {
      std::erase_if(found, [](const Entry& entry) { return entry.spelling == kConsumerId; });
    }
    given[key] = settle(*key, found, draft);
    if (base::to_lower(found.front().spelling) != base::to_lower(key->name)) {
      draft.warn(found.front().spelling, quoted(found.front().spelling) + " is taken for " +
                                             std::string(key->name) + ", its name in Dapr");
    }
  }
  unknown.count_the_rest();
  return given;
}

}  // namespace dapr_mqtt::config
