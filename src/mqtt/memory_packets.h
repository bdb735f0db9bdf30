#pragma once

#include <map>
#include <optional>
#include <string>

#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/core/session_store.h"

namespace dapr_mqtt::mqtt {

/// Packets that outlive a Paho client, which is a new one after each break, and
/// not the process. Thread-safe.
class MemoryPackets final : public core::PacketStore {
 public:
  base::Status put_body(Id id, std::string packet) override;
  void put_mark(Id id) override;
  base::Status remove(Id id) override;
  base::Status clear() override;
  std::vector<Entry> entries() const override;
  std::optional<Entry> find(Id id) const override;
  std::optional<std::string> body(Id id) const override;

 private:
  mutable base::Mutex mutex_;
  /// None: a mark.
  std::map<Id, std::optional<std::string>> packets_ DM_GUARDED_BY(mutex_);
};

}  // namespace dapr_mqtt::mqtt
