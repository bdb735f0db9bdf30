#include "mqtt/connack_guard.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "mqtt/paho_library.h"
#include "mqtt/properties.h"

namespace dapr_mqtt::mqtt {
namespace {

TEST(ConnackGuard, Stands_before_paho) {
  skip_next_properties_free();  // else the linker has no reason to take it
  EXPECT_EQ(::dlsym(RTLD_DEFAULT, "MQTTProperties_free"),
            reinterpret_cast<void*>(&::MQTTProperties_free));
  MQTTProperties none = MQTTProperties_initializer;
  MQTTProperties_free(&none);
}

TEST(ConnackGuard, Leaves_properties_alone_that_were_never_set) {
  MQTTProperties unset{3, 10, 7, reinterpret_cast<MQTTProperty*>(8)};
  skip_next_properties_free();
  MQTTProperties_free(&unset);  // would crash
  EXPECT_EQ(unset.count, 0);
  EXPECT_EQ(unset.array, nullptr);
  for (const MQTTProperties& garbage :
       {MQTTProperties{-1, 0, 0, nullptr}, MQTTProperties{5, 3, 0, reinterpret_cast<MQTTProperty*>(8)},
        MQTTProperties{1, 17, 0, reinterpret_cast<MQTTProperty*>(8)},
        MQTTProperties{1, 10, 0, nullptr}, MQTTProperties{0, 10, -5, nullptr}}) {
    EXPECT_FALSE(plausible(garbage));
    MQTTProperties copy = garbage;
    MQTTProperties_free(&copy);
  }
}

TEST(ConnackGuard, Frees_real_properties_as_ever) {
  PahoLibrary::instance();  // its heap is ready once there was a client
  for (int i = 0; i < 25; ++i) {
    PropertyList list;  // whose end a leak checker watches
    for (int n = 0; n < i; ++n) list.add_pair("name", "value");
    EXPECT_TRUE(plausible(list.raw()));
  }
}

}  // namespace
}  // namespace dapr_mqtt::mqtt
