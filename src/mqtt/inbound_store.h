#pragma once

#include <mqtt/iclient_persistence.h>

#include <string>
#include <vector>

#include "dapr_mqtt/core/session_store.h"

namespace dapr_mqtt::mqtt {

/// What Paho keeps of a persistent session, in a PacketStore: the QoS 2 messages
/// that have come in but are not released yet, under Paho's names for them. Its own
/// commands and outgoing messages are not kept: their callers have had their answer.
///
/// MQTT 3.1.1: the whole packet, since the broker sends the body once only and Paho
/// delivers it at PUBREL. MQTT 5: Paho delivers at PUBLISH, so that the message has
/// come in is all there is to know; what it gets back on a restart is a packet
/// without a body, which it does not look at (MQTTPersistence_restorePackets).
///
/// What the store does not take is thrown as a persistence_exception.
///
/// As thread-safe as the store, which outlives it.
class InboundStore final : public ::mqtt::iclient_persistence {
 public:
  explicit InboundStore(core::PacketStore& packets) : packets_(packets) {}

  void open(const std::string& client_id, const std::string& server_uri) override;
  void close() override;
  void clear() override;
  bool contains_key(const std::string& key) override;
  ::mqtt::string_collection keys() const override;
  void put(const std::string& key, const std::vector<::mqtt::string_view>& parts) override;
  std::string get(const std::string& key) const override;
  void remove(const std::string& key) override;

 private:
  core::PacketStore& packets_;
};

}  // namespace dapr_mqtt::mqtt
