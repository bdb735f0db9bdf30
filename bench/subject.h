// What is measured: our component, the peers, and the floors under both.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "load.h"
#include "support/child_process.h"

namespace dapr_mqtt::bench {

using Properties = std::map<std::string, std::string>;

/// Where the kernel's scheduler has a subject. It shares processors out among groups
/// first, and within a group then; how promptly a thread is run that is woken, depends
/// on that. Each container and each systemd unit has a group of its own.
enum class Group {
  kOwn,     ///< of its own: a session (setsid; the kernel's autogroup)
  kShared,  ///< that of the load and the broker
};

const char* name_of(Group group);

/// Why a session gives a process no scheduling group here; none when it does.
std::optional<std::string> why_no_groups();
/// The same, pure: whether autogroups are on, the text of /proc/self/cgroup, and which control
/// groups of version 2 ("/a/b") have the processors among their controllers.
std::optional<std::string> why_no_groups(bool autogroups, const std::string& cgroups,
                                         const std::function<bool(const std::string&)>& has_cpu);

/// `command`, to be started in that group; it keeps its process ID.
std::vector<std::string> in_group(Group group, std::vector<std::string> command);

/// A program that serves Dapr's PubSub protocol on a socket.
struct Program {
  enum class Kind {
    kComponent,  ///< ours: takes --socket-folder
    kServer,     ///< takes the socket's path as its one argument
  };
  Kind kind = Kind::kServer;
  std::string executable;
};

/// A row of the table: a program with metadata of its own.
struct Subject {
  std::string name;  ///< "ours", "ours, persistent", "SDK peer"
  Program program;
  Properties metadata;  ///< over the scenario's own
};

/// A subject that runs: its process, and a load generator with an instance made.
/// Throws std::runtime_error with the program's output when it does not serve.
class Running {
 public:
  static constexpr const char* kInstance = "pubsub";

  /// `load` is the load generator's executable.
  Running(const Subject& subject, Group group, const std::string& load,
          const std::string& broker_url, const Properties& metadata);

  pid_t pid() const { return process_->pid(); }
  Load& load() { return *load_; }
  /// Another instance on a connection of its own, which lives as long as this; its name.
  std::string add_instance(const Properties& metadata);

 private:
  void init(const std::string& name, const Properties& metadata);

  testing::TemporaryFolder folder_;
  const std::string name_;
  const Properties metadata_;
  int more_ = 0;
  std::unique_ptr<testing::ChildProcess> process_;
  std::unique_ptr<Load> load_;  // ends before the process does
};

}  // namespace dapr_mqtt::bench
