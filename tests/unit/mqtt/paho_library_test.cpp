#include "mqtt/paho_library.h"

#include <MQTTClientPersistence.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>

namespace dapr_mqtt::mqtt {
namespace {

std::atomic<int> traced{0};

/// How many lines Paho traces while a client is created and destroyed.
int lines_of_trace() {
  traced = 0;
  PahoLibrary::instance();
  ::MQTTAsync_setTraceCallback([](MQTTASYNC_TRACE_LEVELS, char*) { ++traced; });
  MQTTAsync client = nullptr;
  EXPECT_EQ(::MQTTAsync_create(&client, "tcp://127.0.0.1:1", "client", MQTTCLIENT_PERSISTENCE_NONE,
                               nullptr),
            MQTTASYNC_SUCCESS);
  ::MQTTAsync_destroy(&client);
  ::MQTTAsync_setTraceCallback(nullptr);
  return traced;
}

TEST(PahoLibrary, Traces_nothing_that_nobody_reads) { EXPECT_EQ(lines_of_trace(), 0); }

TEST(PahoLibrary, Traces_for_who_asks_by_its_variable) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        ::setenv("MQTT_C_CLIENT_TRACE", "/dev/null", 1);
        std::exit(lines_of_trace() > 0 ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace dapr_mqtt::mqtt
