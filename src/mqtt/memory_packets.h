#pragma once

#include <set>

#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/core/session_store.h"

namespace dapr_mqtt::mqtt {

/// Packet identifiers that outlive a connection, but not the process. Thread-safe.
class MemoryPackets final : public core::PacketStore {
 public:
  void put(Id id) override;
  base::Status remove(Id id, core::Receipt safe) override;
  base::Status clear(core::Receipt safe) override;
  bool contains(Id id) const override;
  std::vector<Id> ids() const override;

 private:
  mutable base::Mutex mutex_;
  std::set<Id> ids_ DM_GUARDED_BY(mutex_);
};

}  // namespace dapr_mqtt::mqtt
