#include "config/problems.h"

#include <algorithm>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::config {
namespace {

// gRPC carries an error's text in an HTTP/2 header, and clients accept 8 KiB of
// headers in total; text that is not ASCII becomes three times as long there.
constexpr std::size_t kMaxShown = 20;
constexpr std::size_t kMaxValueBytes = 64;

}  // namespace

std::string shown_value(const KeyInfo& key, std::string_view value) {
  return key.sensitive ? "***" : base::quote(value, kMaxValueBytes);
}

void Problems::add(std::string_view key, std::string_view what) {
  notes_.push_back({std::string(key), std::string(key) + ": " + std::string(what)});
}

void Problems::add_wrong_value(const KeyInfo& key, std::string_view value) {
  add(key.name, shown_value(key, value) + " is not " + std::string(key.allowed));
}

base::Status to_status(const std::vector<Note>& problems) {
  if (problems.empty()) return {};
  const std::size_t count = problems.size();
  const std::size_t shown = std::min(count, kMaxShown);
  std::string text = std::to_string(count) + (count == 1 ? " problem" : " problems") +
                     " in the component's metadata: ";
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0) text += "; ";
    text += problems[i].text;
  }
  if (count > shown) text += "; and " + std::to_string(count - shown) + " more";
  return base::invalid_argument(std::move(text));
}

}  // namespace dapr_mqtt::config
