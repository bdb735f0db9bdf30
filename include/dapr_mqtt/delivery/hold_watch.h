#pragma once

#include <functional>
#include <memory>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/core/inbox.h"
#include "dapr_mqtt/delivery/dispatcher.h"
#include "dapr_mqtt/delivery/hold_policy.h"
#include "dapr_mqtt/delivery/intake.h"

namespace dapr_mqtt::delivery {

/// Calls HoldPolicy regularly while messages are held, and carries out its decisions. Has no timer
/// while nothing is held or stored on arrival.
///
/// On the executor (or after it stopped). All that is given by reference outlives it.
class HoldWatch {
 public:
  HoldWatch(base::Executor& executor, core::Inbox& inbox, Intake& intake, Dispatcher& dispatcher)
      : executor_(executor), inbox_(inbox), intake_(intake), dispatcher_(dispatcher) {}
  ~HoldWatch();
  HoldWatch(const HoldWatch&) = delete;
  HoldWatch& operator=(const HoldWatch&) = delete;

  /// Messages have come in (DispatcherHooks::arrived).
  void arrived();
  /// From now on only messages that the app fails are stored: what is held stays at the broker.
  void stop();

 private:
  void arm();
  void look();

  base::Executor& executor_;
  core::Inbox& inbox_;
  Intake& intake_;
  Dispatcher& dispatcher_;
  HoldPolicy policy_;
  base::Executor::TimerId timer_ = 0;
  bool stopped_ = false;
  std::shared_ptr<HoldWatch*> self_ = std::make_shared<HoldWatch*>(this);
};

}  // namespace dapr_mqtt::delivery
