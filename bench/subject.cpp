#include "subject.h"

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace dapr_mqtt::bench {
namespace {

std::vector<std::string> arguments(const Program& program, const std::string& folder) {
  if (program.kind == Program::Kind::kServer) return {program.executable, folder + "/mqtt.sock"};
  return {program.executable, "serve", "--log-level", "info",
          "--socket-folder",  folder,  "--state-dir", folder + "/state"};
}

Properties over(Properties base, const Properties& more) {
  for (const auto& [key, value] : more) base.insert_or_assign(key, value);
  return base;
}

}  // namespace

const char* name_of(Group group) { return group == Group::kOwn ? "own" : "shared"; }

std::optional<std::string> why_no_groups() {
  int on = 0;
  std::ifstream("/proc/sys/kernel/sched_autogroup_enabled") >> on;
  std::ostringstream cgroups;
  cgroups << std::ifstream("/proc/self/cgroup").rdbuf();
  return why_no_groups(on == 1, cgroups.str(), [](const std::string& group) {
    std::ifstream controllers("/sys/fs/cgroup" + group + "/cgroup.controllers");
    for (std::string word; controllers >> word;) {
      if (word == "cpu") return true;
    }
    return false;
  });
}

std::optional<std::string> why_no_groups(bool autogroups, const std::string& cgroups,
                                         const std::function<bool(const std::string&)>& has_cpu) {
  if (!autogroups) return "kernel.sched_autogroup_enabled is not 1";
  std::istringstream lines(cgroups);  // "4:cpu,cpuacct:/a/b" with version 1, "0::/a/b" with 2
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string group = line.substr(second + 1);
    bool counts = controllers.find(",cpu,") != std::string::npos && group != "/";
    if (controllers == ",,") {  // its own, or that of the next group above that has one
      for (std::string at = group; at.size() > 1; at.erase(at.rfind('/'))) {
        counts = counts || has_cpu(at);
      }
    }
    if (counts) return "autogroups do not act within the control group " + group;
  }
  return std::nullopt;
}

std::vector<std::string> in_group(Group group, std::vector<std::string> command) {
  if (group == Group::kOwn) command.insert(command.begin(), "/usr/bin/setsid");
  return command;
}

Running::Running(const Subject& subject, Group group, const std::string& load,
                 const std::string& broker_url, const Properties& metadata)
    : name_(subject.name),
      metadata_(
          over(over({{"url", broker_url}, {"consumerID", "bench"}}, subject.metadata), metadata)),
      process_(std::make_unique<testing::ChildProcess>(
          in_group(group, arguments(subject.program, folder_.path())))),
      load_(std::make_unique<Load>(load)) {
  init(kInstance, {});
}

std::string Running::add_instance(const Properties& metadata) {
  std::string name = kInstance + std::string("-") + std::to_string(++more_);
  init(name, metadata);
  return name;
}

void Running::init(const std::string& name, const Properties& metadata) {
  try {
    load_->request({{"do", "init"},
                    {"instance", name},
                    {"socket", folder_.path() + "/mqtt.sock"},
                    {"metadata", over(metadata_, metadata)}});
  } catch (const std::exception& e) {
    throw std::runtime_error(name_ + ": " + e.what() + "\n" + process_->output());
  }
}

}  // namespace dapr_mqtt::bench
