#pragma once

#include <pthread.h>

#include <functional>
#include <thread>

namespace dapr_mqtt::testing {

/// The names of Paho's two threads, by which the code recognises them.
inline constexpr const char* kSend = "MQTTAsync_send";
inline constexpr const char* kReceive = "MQTTAsync_rcv";

/// Runs `body` on a thread with one of them, and waits for it.
inline void as(const char* thread_name, const std::function<void()>& body) {
  std::thread([&] {
    pthread_setname_np(pthread_self(), thread_name);
    body();
  }).join();
}

}  // namespace dapr_mqtt::testing
