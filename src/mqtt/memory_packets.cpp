#include "mqtt/memory_packets.h"

namespace dapr_mqtt::mqtt {

void MemoryPackets::put(Id id) {
  base::MutexLock lock(mutex_);
  ids_.insert(id);
}

base::Status MemoryPackets::remove(Id id, core::Receipt safe) {
  {
    base::MutexLock lock(mutex_);
    ids_.erase(id);
  }
  safe.give();
  return {};
}

base::Status MemoryPackets::clear(core::Receipt safe) {
  {
    base::MutexLock lock(mutex_);
    ids_.clear();
  }
  safe.give();
  return {};
}

bool MemoryPackets::contains(Id id) const {
  base::MutexLock lock(mutex_);
  return ids_.contains(id);
}

std::vector<core::PacketStore::Id> MemoryPackets::ids() const {
  base::MutexLock lock(mutex_);
  return {ids_.begin(), ids_.end()};
}

}  // namespace dapr_mqtt::mqtt
