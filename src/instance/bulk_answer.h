#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/instance/instance.h"

namespace dapr_mqtt::instance {

/// Collects the answers to a bulk publish's entries, which come on any thread
/// and in any order, and calls `done` with the failed ones after the last answer.
class BulkAnswer {
 public:
  using Done = std::function<void(std::vector<FailedEntry>)>;

  /// `ids`: those of the entries, in the request's order.
  BulkAnswer(std::vector<std::string> ids, Done done);

  /// To be called once for each entry, with its index.
  void entry(std::size_t index, const base::Status& status);

 private:
  std::vector<std::string> ids_;
  std::vector<std::optional<std::string>> errors_;  // each is written only by its entry's answer
  std::atomic<std::size_t> open_;
  Done done_;
};

}  // namespace dapr_mqtt::instance
