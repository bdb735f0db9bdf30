// Replacements for functions of the C library that Paho calls (stand_ins.cpp).
#pragma once

#include <cstdint>
#include <string>

namespace dapr_mqtt::mqtt {

/// Makes the linker include stand_ins.cpp in every program that can make a client.
void link_stand_ins();

/// How often Paho has called each of them on its sockets. 0 means that Paho calls another function.
struct StandInCalls {
  std::uint64_t connect = 0;
  std::uint64_t poll = 0;
  std::uint64_t writev = 0;
  std::uint64_t recv = 0;
  std::uint64_t close = 0;
};
StandInCalls stand_in_calls();

/// How many calls of usleep(100 ms) on the receive thread were replaced, for tests.
std::uint64_t sleeps_skipped();

}  // namespace dapr_mqtt::mqtt
