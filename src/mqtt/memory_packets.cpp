#include "mqtt/memory_packets.h"

#include <utility>

namespace dapr_mqtt::mqtt {

base::Status MemoryPackets::put_body(Id id, std::string packet) {
  base::MutexLock lock(mutex_);
  packets_.insert_or_assign(id, std::move(packet));
  return {};
}

void MemoryPackets::put_mark(Id id) {
  base::MutexLock lock(mutex_);
  packets_.insert_or_assign(id, std::nullopt);
}

base::Status MemoryPackets::remove(Id id) {
  base::MutexLock lock(mutex_);
  packets_.erase(id);
  return {};
}

base::Status MemoryPackets::clear() {
  base::MutexLock lock(mutex_);
  packets_.clear();
  return {};
}

std::vector<core::PacketStore::Entry> MemoryPackets::entries() const {
  std::vector<Entry> out;
  base::MutexLock lock(mutex_);
  for (const auto& [id, body] : packets_) out.push_back({id, !body});
  return out;
}

std::optional<core::PacketStore::Entry> MemoryPackets::find(Id id) const {
  base::MutexLock lock(mutex_);
  const auto found = packets_.find(id);
  if (found == packets_.end()) return std::nullopt;
  return Entry{id, !found->second};
}

std::optional<std::string> MemoryPackets::body(Id id) const {
  base::MutexLock lock(mutex_);
  const auto found = packets_.find(id);
  return found == packets_.end() ? std::nullopt : found->second;
}

}  // namespace dapr_mqtt::mqtt
