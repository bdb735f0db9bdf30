#include "mqtt/inbound_store.h"

#include <stdexcept>

namespace dapr_mqtt::mqtt {
namespace {

/// Paho's names for received publishes, in 3.1.1 and 5.
bool is_received_publish(const std::string& key) {
  return key.starts_with("r-") || key.starts_with("r5-");
}

}  // namespace

void InboundStore::open(const std::string&, const std::string&) {}
void InboundStore::close() {}

void InboundStore::clear() {
  base::MutexLock lock(mutex_);
  packets_.clear();
}

bool InboundStore::contains_key(const std::string& key) {
  base::MutexLock lock(mutex_);
  return packets_.contains(key);
}

::mqtt::string_collection InboundStore::keys() const {
  ::mqtt::string_collection keys;
  base::MutexLock lock(mutex_);
  for (const auto& [key, packet] : packets_) keys.push_back(key);
  return keys;
}

void InboundStore::put(const std::string& key, const std::vector<::mqtt::string_view>& parts) {
  if (!is_received_publish(key)) return;
  std::string packet;
  for (const auto& part : parts) packet.append(part.data(), part.size());
  base::MutexLock lock(mutex_);
  packets_.insert_or_assign(key, std::move(packet));
}

std::string InboundStore::get(const std::string& key) const {
  base::MutexLock lock(mutex_);
  const auto found = packets_.find(key);
  if (found == packets_.end()) throw std::out_of_range("no such packet");  // the interface's way
  return found->second;
}

void InboundStore::remove(const std::string& key) {
  base::MutexLock lock(mutex_);
  packets_.erase(key);
}

}  // namespace dapr_mqtt::mqtt
