#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <thread>

#include "dapr_mqtt/base/mutex.h"

namespace dapr_mqtt::observability {

/// Writes lines to a descriptor on a thread of its own, so that no other thread waits for the
/// reader: a full pipe must not stop gRPC, the broker's connections or the end of the process.
///
/// Each line is written at once, with one write if it has at most PIPE_BUF bytes, so that lines of
/// several processes on one pipe stay whole. While the reader does not read, up to kMost bytes are
/// queued. Further lines are dropped and counted, and a line says how many once there is room.
/// A line that cannot be written for another reason (the reader has gone) is dropped.
///
/// Thread-safe. The caller owns `fd`, which must outlive this.
class LineWriter {
 public:
  static constexpr std::size_t kMost = 1U << 20U;
  /// How long flush() and the destructor wait.
  static constexpr std::chrono::milliseconds kPatience{1000};

  /// `missing` makes the line that says how many were dropped. Called on the writer's thread.
  LineWriter(int fd, std::function<std::string(std::size_t dropped)> missing);
  /// Writes the queued lines, within kPatience.
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  /// Never blocks on the descriptor. Throws nothing but std::bad_alloc.
  void add(std::string line);
  /// Waits until all lines so far are written or dropped, for kPatience at most.
  void flush();

 private:
  void run();
  /// False: the writer is stopping and kPatience is over.
  bool write(const std::string& line);
  bool wait_writable();

  const int fd_;
  const std::function<std::string(std::size_t)> missing_;
  base::Mutex mutex_;
  base::CondVar changed_;
  std::deque<std::string> lines_ DM_GUARDED_BY(mutex_);
  std::size_t bytes_ DM_GUARDED_BY(mutex_) = 0;  // of lines_ and of the line being written
  std::size_t dropped_ DM_GUARDED_BY(mutex_) = 0;
  bool stopping_ DM_GUARDED_BY(mutex_) = false;
  std::chrono::steady_clock::time_point end_ DM_GUARDED_BY(mutex_){};  // when stopping
  std::thread thread_;  // last: starts when all else is made
};

}  // namespace dapr_mqtt::observability
