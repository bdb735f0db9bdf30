// The load generator: the program tests/bench/load, which calls a component by daprd's
// own client code.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "dapr_mqtt/base/unique_fd.h"
#include "message_counter.h"

namespace dapr_mqtt::bench {

/// A process of its own, in the session of this one. By one thread.
class Load {
 public:
  /// Throws std::runtime_error when it cannot be started.
  explicit Load(const std::string& executable);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  /// What it answers; the requests are in tests/bench/load/main.go. Throws
  /// std::runtime_error with its error, or when it does not answer in three minutes.
  nlohmann::json request(const nlohmann::json& request);
  /// What all its streams have received.
  MessageCounter& received() { return received_; }

 private:
  void read_answers(int fd);
  void read_line(const std::string& line);

  pid_t pid_ = -1;
  base::UniqueFd input_;
  MessageCounter received_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<nlohmann::json> answers_;
  bool ended_ = false;
  std::thread reader_;
};

}  // namespace dapr_mqtt::bench
