#pragma once

#include <chrono>
#include <string>
#include <thread>

#include "dapr_mqtt/base/mutex.h"

namespace dapr_mqtt::app {

/// Shows on a terminal (standard error) what the program waits for, if that takes
/// longer than two seconds, and erases the line at the end. Prints nothing if there
/// is no terminal. Nothing else may be printed meanwhile.
class Progress {
 public:
  explicit Progress(std::string what);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void end();  ///< idempotent

 private:
  void show();

  const std::string what_;
  base::Mutex mutex_;
  base::CondVar ended_changed_;
  bool ended_ DM_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace dapr_mqtt::app
