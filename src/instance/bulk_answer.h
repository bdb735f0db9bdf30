#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/instance/instance.h"

namespace dapr_mqtt::instance {

/// Gathers the answers to a bulk publish's entries, which come on any thread
/// and in any order, and gives the failed ones once all are in.
class BulkAnswer {
 public:
  using Done = std::function<void(std::vector<FailedEntry>)>;

  /// `ids` are the entries', in the request's order.
  BulkAnswer(std::vector<std::string> ids, Done done);

  /// Once for each entry, by its index.
  void entry(std::size_t index, const base::Status& status);

 private:
  std::vector<std::string> ids_;
  std::vector<std::optional<std::string>> errors_;  // each written by its entry alone
  std::atomic<std::size_t> open_;
  Done done_;
};

}  // namespace dapr_mqtt::instance
