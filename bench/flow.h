// Messages that flow through a subject for as long as is asked.
#pragma once

#include "measurement.h"

namespace dapr_mqtt::bench {

/// Made when all is ready for messages (connected, subscribed); used by one thread.
class Flow {
 public:
  Flow() = default;
  virtual ~Flow() = default;
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;

  /// Has so many messages flow, and returns when all are through. The figures are those
  /// that the load sees ("rate", or quantiles). Throws std::runtime_error when it fails.
  virtual Measurement run(int messages) = 0;
};

}  // namespace dapr_mqtt::bench
