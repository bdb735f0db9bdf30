// Real processes that are called daprd.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include "dapr_mqtt/sidecar/daprd.h"
#include "support/child_process.h"
#include "support/scratch_folder.h"

namespace dapr_mqtt::sidecar {
namespace {

using base::ErrorKind;
using testing::ChildProcess;
using ::testing::HasSubstr;

/// A shell called daprd. When it gets SIGHUP it prints that and ends.
std::unique_ptr<ChildProcess> start(const std::string& folder, const std::string& name,
                                    const std::vector<std::string>& arguments) {
  const std::string path = folder + "/" + name;
  std::filesystem::create_symlink("/bin/sh", path);
  const std::string pipe = folder + "/pipe";
  EXPECT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::vector<std::string> argv{
      path, "-c", "trap 'echo reloaded; exit 0' HUP; echo ready; read line <>" + pipe, "sh"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  auto process = std::make_unique<ChildProcess>(std::move(argv));
  EXPECT_TRUE(process->wait_for_output("ready"));
  return process;
}

/// The process with this ID; none: it is not found.
std::optional<DaprdProcess> find(pid_t pid) {
  for (const DaprdProcess& process : make_daprd_processes()->find()) {
    if (process.pid == pid) return process;
  }
  return std::nullopt;
}

TEST(DaprdProcesses, are_found_by_name_with_app_and_port) {
  const testing::ScratchFolder folder;
  const auto daprd =
      start(folder.path(), "daprd", {"--app-id", "greeter", "--dapr-http-port=4321"});
  const auto found = find(daprd->pid());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->app_id, "greeter");
  EXPECT_EQ(found->address.text(), "127.0.0.1:4321");
}

TEST(DaprdProcesses, have_daprds_default_port) {
  const testing::ScratchFolder folder;
  const auto daprd =
      start(folder.path(), "daprd", {"-app-id=x", "--dapr-http-port-of-another", "1"});
  const auto found = find(daprd->pid());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->app_id, "x");
  EXPECT_EQ(found->address.port, 3500);
}

TEST(DaprdProcesses, of_another_name_are_none) {
  const testing::ScratchFolder folder;
  const auto other = start(folder.path(), "dapr", {"--app-id", "x", "--dapr-http-port", "4321"});
  EXPECT_FALSE(find(other->pid()));
  EXPECT_FALSE(find(::getpid()));
}

// The files under /proc vanish with the process, even between two reads of one file.
TEST(DaprdProcesses, that_end_while_they_are_looked_at_are_none) {
  std::atomic<bool> done{false};
  std::thread looks([&] {
    const auto processes = make_daprd_processes();
    while (!done) processes->find();
  });
  for (int i = 0; i < 2000; ++i) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  }
  done = true;
  looks.join();
}

TEST(DaprdProcesses, get_SIGHUP_unless_they_are_others_by_now) {
  const testing::ScratchFolder folder;
  const auto daprd = start(folder.path(), "daprd", {"--app-id", "greeter"});
  const auto processes = make_daprd_processes();
  DaprdProcess process = find(daprd->pid()).value();

  process.app_id = "another";
  EXPECT_EQ(processes->reload(process).kind(), ErrorKind::kFailedPrecondition);
  EXPECT_TRUE(daprd->running());

  process.app_id = "greeter";
  EXPECT_TRUE(processes->reload(process).ok());
  EXPECT_EQ(daprd->wait_for_end(), 0);
  EXPECT_THAT(daprd->output(), HasSubstr("reloaded"));
  EXPECT_EQ(processes->reload(process).kind(), ErrorKind::kFailedPrecondition);
}

}  // namespace
}  // namespace dapr_mqtt::sidecar
