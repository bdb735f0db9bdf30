// A program under test: its output, its signals, its end.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "dapr_mqtt/base/mutex.h"

namespace dapr_mqtt::testing {

/// One process, started by the constructor and killed by the destructor. Its
/// standard output and error come together in output().
///
/// To be used by the thread that made it (output() and wait_for_output() by
/// any): the kernel kills the process when that thread ends, so that a crashed
/// test leaves nothing behind.
class ChildProcess {
 public:
  /// What its output and error are.
  enum class Output { kPipe, kTerminal };

  /// `argv[0]` is a path. `environment` is added to ours, except that Dapr's own
  /// variables (DAPR_…, APP_ID) come only from `environment`.
  explicit ChildProcess(std::vector<std::string> argv,
                        const std::map<std::string, std::string>& environment = {},
                        Output output = Output::kPipe);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const;
  /// The exit code, or 128 + the signal that ended it, as in a shell. None: it has not
  /// ended `within` this time. Later calls return the same. output() is complete then.
  std::optional<int> wait_for_end(std::chrono::milliseconds within = std::chrono::seconds(45));
  bool running() { return !wait_for_end(std::chrono::milliseconds(0)); }

  std::string output() const;
  /// The whole output: waits for its end, which may come after the end of the process.
  std::string final_output() const {
    wait_for_output(std::string_view("\0", 1));
    return output();
  }
  std::vector<std::string> lines() const;
  /// False when the text does not come `within` this time, or the output has ended
  /// without it. Searches from character `from`.
  bool wait_for_output(std::string_view part, std::size_t from = 0,
                       std::chrono::milliseconds within = std::chrono::seconds(45)) const;

 private:
  void read_output(int fd);
  void wait_for_last_words() const;

  pid_t pid_ = -1;
  std::optional<int> exit_code_;

  mutable base::Mutex mutex_;
  mutable base::CondVar grown_;
  std::string output_ DM_GUARDED_BY(mutex_);
  bool output_ended_ DM_GUARDED_BY(mutex_) = false;
  std::thread reader_;
};

/// A new folder, removed with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace dapr_mqtt::testing
