// Against CONNACKs without properties under MQTT 5, as brokers of MQTT 3.1.1 send
// them: Paho C 1.3.12 leaves the properties of its packet unset then
// (MQTTPacket_connack; 1.3.14 does not), hands them to us and frees what they seem
// to point to. Its call of MQTTProperties_free is bound at run time, and the
// executable's version, here, comes first.
#pragma once

#include <MQTTAsync.h>

namespace dapr_mqtt::mqtt {

/// False for most of what memory may have held before. Does not look at what
/// `properties` points to.
bool plausible(const MQTTProperties& properties);

/// The next MQTTProperties_free on this thread is told to leave its argument alone.
/// For Paho's callback about a CONNACK whose code is MQTT 3.1.1's: it has none.
void skip_next_properties_free();

}  // namespace dapr_mqtt::mqtt
