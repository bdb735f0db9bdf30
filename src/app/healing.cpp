#include "app/healing.h"

#include <utility>

namespace dapr_mqtt::app {

Healing::Healing(const ServeCommand& command, base::Log log)
    : options_{command.remedy, command.daprd_addresses},
      api_(sidecar::make_daprd_api(command.daprd_token, command.daprd_addresses)),
      processes_(sidecar::make_daprd_processes()),
      log_(std::move(log)) {}

void Healing::start(dapr::Server& server) {
  worker_.post([this, &server] {
    server_ = &server;
    healer_.emplace(options_, static_cast<sidecar::ServedInits&>(*this), *api_, *processes_,
                    worker_, log_);
  });
}

void Healing::look_soon() {
  worker_.post([this] {
    if (healer_) healer_->look_soon();
  });
}

}  // namespace dapr_mqtt::app
