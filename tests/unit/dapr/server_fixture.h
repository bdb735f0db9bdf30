#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <string>

#include "dapr_mqtt/dapr/server.h"
#include "support/captured_log.h"
#include "support/fake_instance.h"
#include "unit/dapr/temp_folder.h"
#include "unit/dapr/wire_client.h"

namespace dapr_mqtt::testing {

/// A server on a socket of its own, over fakes.
class ServerTest : public ::testing::Test {
 protected:
  void start(dapr::ServerOptions options = {}) {
    options.socket_path = path_;
    auto server = dapr::Server::start(options, factory_, log_);
    ASSERT_TRUE(server.ok()) << server.status().message();
    server_ = std::move(server).value();
  }
  void stop(std::chrono::milliseconds drain = std::chrono::seconds(5)) {
    server_->stop(std::chrono::steady_clock::now() + drain);
  }
  /// The open stream of the latest instance that has subscribed to `topic`;
  /// waits for it.
  std::shared_ptr<FakeStream> stream(const std::string& topic = "t") {
    const auto instance = factory_.latest();
    std::shared_ptr<FakeStream> out;
    EXPECT_TRUE(factory_.stage.wait([&] {
      for (const auto& open : instance->streams) {
        if (open->topic == topic && !open->closed) out = open;
      }
      return out != nullptr;
    })) << "no stream of "
        << topic;
    return out;
  }
  template <typename F>
  bool wait(F&& condition) {
    return factory_.stage.wait(std::forward<F>(condition));
  }

  TempFolder folder_;
  const std::string path_ = folder_ / "mqtt.sock";
  CapturedLog log_;
  FakeInstanceFactory factory_;
  std::unique_ptr<dapr::Server> server_;
};

inline core::Delivery make_delivery(core::InboxId id, std::string payload,
                                    std::string topic = "t") {
  auto message = std::make_shared<core::IncomingMessage>();
  message->topic = std::move(topic);
  message->payload = std::move(payload);
  return {id, 1, std::move(message)};
}

/// A number from /proc/self/status, e.g. "Threads" or "VmRSS" (KiB).
inline long process_status(const std::string& key) {
  std::ifstream file("/proc/self/status");
  for (std::string word; file >> word;) {
    long value = 0;
    if (word == key + ":" && file >> value) return value;
  }
  return -1;
}

inline std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

}  // namespace dapr_mqtt::testing
