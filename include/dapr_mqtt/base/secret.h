#pragma once

#include <string>
#include <utility>

namespace dapr_mqtt::base {

/// A text that cannot be printed, logged or compared by accident: the only way
/// to its bytes is reveal(), which is easy to search for.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}

  bool empty() const { return value_.empty(); }
  const std::string& reveal() const { return value_; }
  bool same_as(const Secret& other) const { return value_ == other.value_; }

 private:
  std::string value_;
};

}  // namespace dapr_mqtt::base
