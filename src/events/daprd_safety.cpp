#include "events/daprd_safety.h"

#include <cstddef>
#include <cstring>

#include "events/event_reader.h"

namespace dapr_mqtt::events {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

std::size_t position_of(std::string_view text, std::string_view part, std::size_t from) {
  const void* const found =
      ::memmem(text.data() + from, text.size() - from, part.data(), part.size());
  return found == nullptr ? kNone
                          : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

/// Whether one of the names stands before a value that is neither text nor null.
bool has_other_than_text(std::string_view payload) {
  constexpr std::string_view kBeginning = "trace";
  for (std::size_t at = position_of(payload, kBeginning, 0); at != kNone;
       at = position_of(payload, kBeginning, at)) {
    at += kBeginning.size();
    const std::string_view rest = payload.substr(at);
    std::size_t name = 0;
    for (const std::string_view end : {"parent\"", "id\""}) {
      if (rest.starts_with(end)) name = end.size();
    }
    if (name == 0) continue;
    const std::size_t value = rest.find_first_not_of(" \t\r\n:", name);
    if (value != kNone && rest[value] != '"' && rest[value] != 'n') return true;
  }
  return false;
}

/// Letters of a name may be written as escapes: \u00…
bool has_escaped_letters(std::string_view payload) {
  return payload.find('\\') != kNone && position_of(payload, "\\u00", 0) != kNone;
}

}  // namespace

bool may_end_daprd(std::string_view payload) {
  if (!has_other_than_text(payload) && !has_escaped_letters(payload)) return false;
  // daprd's parser accepts more than ours (bytes that are not UTF-8): what ours refuses may do it.
  const auto head = read_event(payload);
  return !head || !head->trace_is_text;
}

}  // namespace dapr_mqtt::events
