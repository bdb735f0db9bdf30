#pragma once

#include <functional>
#include <memory>
#include <string>

#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/core/broker.h"
#include "dapr_mqtt/core/inbox.h"
#include "dapr_mqtt/instance/instance.h"

namespace dapr_mqtt::instance {

struct FactoryOptions {
  /// Where persistent sessions keep what the app has not handled. Empty: in
  /// memory, for tests.
  std::string state_dir;
  /// Put around each durable inbox when it is opened. For tests of what a crash
  /// leaves; empty: nothing.
  std::function<std::unique_ptr<core::DurableInbox>(std::unique_ptr<core::DurableInbox>)>
      wrap_inbox{};
};

/// The factory of real instances. `broker` and `logger` outlive it; it outlives
/// every instance it made, and its destructor waits for the last of them to be
/// destroyed.
std::unique_ptr<InstanceFactory> make_instance_factory(core::BrokerClientFactory& broker,
                                                       base::Logger& logger,
                                                       FactoryOptions options = {});

}  // namespace dapr_mqtt::instance
