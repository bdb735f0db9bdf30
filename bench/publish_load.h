// Publishing through a component, as daprd does it.
#pragma once

#include <cstddef>
#include <memory>

#include "flow.h"
#include "subject.h"

namespace dapr_mqtt::bench {

struct PublishLoad {
  int messages = 20'000;
  int callers = 1;         ///< each sends its next when its last was answered
  std::size_t size = 256;  ///< of the payload, in bytes
  int bulk = 0;            ///< entries of a BulkPublish; 0: Publish
  int topics = 1;
};

/// Closed loop: "rate", and the quantiles of the calls' own times.
std::unique_ptr<Flow> publish_flow(Running& subject, const PublishLoad& load);

}  // namespace dapr_mqtt::bench
