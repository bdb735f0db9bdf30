#pragma once

#include <atomic>
#include <string>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/dapr/server.h"
#include "dapr_mqtt/observability/http_endpoint.h"

namespace dapr_mqtt::app {

/// What the HTTP pages say about a server. Thread-safe; `server` outlives it.
class Monitor {
 public:
  explicit Monitor(const dapr::Server& server) : server_(server) {}

  observability::HttpPages pages();  ///< its functions must not be called after the Monitor's end
  void stopping() { stopping_ = true; }

 private:
  std::string metrics() const;
  /// OK when every instance is. Also OK before the first Init, since daprd may be
  /// started only after this process is ready.
  base::Status ready() const;
  std::string notes() const;

  const dapr::Server& server_;
  std::atomic<bool> stopping_{false};
};

}  // namespace dapr_mqtt::app
