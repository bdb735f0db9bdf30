#pragma once

#include <functional>
#include <memory>
#include <string>

#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/spare_thread.h"
#include "dapr_mqtt/core/broker.h"
#include "dapr_mqtt/core/inbox.h"
#include "dapr_mqtt/instance/instance.h"

namespace dapr_mqtt::instance {

struct FactoryOptions {
  /// Where persistent sessions keep messages that the app has not handled. Empty: in
  /// memory, for tests.
  std::string state_dir;
  /// Returns freed memory that the allocator keeps to the system. Called on threads of instances;
  /// empty: nothing is done.
  std::function<void()> return_free_memory{};
  /// Wraps each durable inbox when it is opened, on the thread that opens it; may be called by
  /// several threads at a time. For tests of what a crash leaves; empty: not wrapped.
  std::function<std::unique_ptr<core::DurableInbox>(std::unique_ptr<core::DurableInbox>)>
      wrap_inbox{};
  /// The spare thread of the publishing workers, see base::Worker. Must outlive the factory; null:
  /// none.
  base::SpareThread* sending_thread = nullptr;
};

/// The factory of real instances. `broker` and `logger` must outlive it; it must
/// outlive every instance it made: its destructor waits until the last of them is
/// destroyed.
std::unique_ptr<InstanceFactory> make_instance_factory(core::BrokerClientFactory& broker,
                                                       base::Logger& logger,
                                                       FactoryOptions options = {});

}  // namespace dapr_mqtt::instance
