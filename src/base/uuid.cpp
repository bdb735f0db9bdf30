#include "dapr_mqtt/base/uuid.h"

#include <algorithm>
#include <cctype>

namespace dapr_mqtt::base {

bool contains_uuid(std::string_view text) {
  constexpr std::string_view kForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  const auto fits = [](char form, char c) {
    return form == '-' ? c == '-' : std::isxdigit(static_cast<unsigned char>(c)) != 0;
  };
  for (; text.size() >= kForm.size(); text.remove_prefix(1)) {
    if (std::equal(kForm.begin(), kForm.end(), text.begin(), fits)) return true;
  }
  return false;
}

}  // namespace dapr_mqtt::base
