// The least that could be: gRPC alone, and Paho alone.
#pragma once

#include <string>

#include "measurement.h"
#include "publish_load.h"
#include "pull_load.h"

namespace dapr_mqtt::bench {

/// A server that sends messages over a stream and does nothing else.
Measurement measure_pull_from_server(Running& subject, const PullLoad& load);

/// A bare client, by the program floor_paho. "rate" and "cpu".
Measurement measure_paho_publish(const std::string& program, const testing::Mosquitto& broker,
                                 int qos, const PublishLoad& load, Group group);
Measurement measure_paho_receive(const std::string& program, const testing::Mosquitto& broker,
                                 const PullLoad& load, Group group);

}  // namespace dapr_mqtt::bench
