// How `check` shows its steps.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "dapr_mqtt/inspect/broker_check.h"

namespace dapr_mqtt::app {

/// A step of one endpoint, or of all together.
struct ShownStep {
  std::string endpoint;
  inspect::Step step;
};

class CheckOutput {
 public:
  virtual ~CheckOutput() = default;
  virtual void begin(const std::string& endpoint, const std::string& name) = 0;
  virtual void end(const ShownStep& shown) = 0;
  /// After the last step.
  virtual void finish() = 0;
};

/// A terminal gets each step as it happens, in colours unless NO_COLOR is set; a
/// pipe plain text with the verdict in the first line; `json` one object.
std::unique_ptr<CheckOutput> make_check_output(bool json);

/// "passed: 7 steps", perhaps with the number of warnings, or the first step that failed and why.
std::string verdict(const std::vector<ShownStep>& steps);

}  // namespace dapr_mqtt::app
