#pragma once

#include <mqtt/iclient_persistence.h>

#include <map>
#include <string>
#include <vector>

#include "dapr_mqtt/base/mutex.h"

namespace dapr_mqtt::mqtt {

/// Where Paho keeps the QoS 2 messages of a persistent session that have come in
/// but are not released yet (between PUBREC and PUBREL, MQTT 3.1.1 section
/// 4.3.3): the broker sends their bodies once only. A connection's Paho client is
/// a new one after each break; this outlives it, so that PUBREL after the
/// reconnect finds the message.
///
/// In memory: what MQTT lets a client keep that does not survive its own end. A
/// durable implementation of mqtt::iclient_persistence takes its place where the
/// inbox is durable (PahoClient takes any). Only received publishes are kept;
/// Paho's queues of its own commands and outgoing messages are not ours to
/// restore, their callers have had their answer.
///
/// Thread-safe. Bounded by the protocol: at most 65,535 packet identifiers.
class InboundStore final : public ::mqtt::iclient_persistence {
 public:
  void open(const std::string& client_id, const std::string& server_uri) override;
  void close() override;
  void clear() override;
  bool contains_key(const std::string& key) override;
  ::mqtt::string_collection keys() const override;
  void put(const std::string& key, const std::vector<::mqtt::string_view>& parts) override;
  std::string get(const std::string& key) const override;
  void remove(const std::string& key) override;

 private:
  mutable base::Mutex mutex_;
  std::map<std::string, std::string> packets_ DM_GUARDED_BY(mutex_);
};

}  // namespace dapr_mqtt::mqtt
