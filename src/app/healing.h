#pragma once

#include <memory>
#include <optional>

#include "app/commands.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/worker.h"
#include "dapr_mqtt/dapr/server.h"
#include "dapr_mqtt/sidecar/healer.h"

namespace dapr_mqtt::app {

/// The healer with a thread of its own, connected to a server. Made before the server, which
/// reports calls without an Init to it.
class Healing final : private sidecar::ServedInits {
 public:
  Healing(const ServeCommand& command, base::Log log);
  ~Healing() override { stop(); }

  /// Looks for daprds that missed a restart. `server` must outlive this, or stop() be called first.
  void start(dapr::Server& server);
  /// Any thread, does not block; ignored before start().
  void look_soon();
  /// Does not call the server after this. Blocks during a request to a daprd, for some seconds at
  /// most.
  void stop() { worker_.stop(); }

 private:
  std::string mark_prefix() const override { return server_->mark_prefix(); }
  bool has_mark(std::string_view mark) const override { return server_->has_mark(mark); }
  bool any_mark() const override { return server_->any_mark(); }
  base::Status missed_restart() const override { return server_->missed_restart(); }
  void set_missed_restart(std::string notice, bool init_expected) override {
    server_->set_missed_restart(std::move(notice), init_expected);
  }

  const sidecar::HealerOptions options_;
  const std::unique_ptr<sidecar::DaprdApi> api_;
  const std::unique_ptr<sidecar::DaprdProcesses> processes_;
  const base::Log log_;
  // Used on the worker only.
  dapr::Server* server_ = nullptr;
  std::optional<sidecar::Healer> healer_;
  base::Worker worker_{"daprd-healer"};  // last: its tasks use the above
};

}  // namespace dapr_mqtt::app
