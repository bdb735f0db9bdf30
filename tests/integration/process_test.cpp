// The executable as a process: where its socket is, who may connect, how it
// starts and stops.
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <string_view>

#include "dapr_mqtt/base/unique_fd.h"
#include "support/component_client.h"
#include "support/component_process.h"
#include "support/mosquitto.h"

namespace dapr_mqtt::testing {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr uid_t kStranger = 65534;  // "nobody"

mode_t mode_of(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777U;
}

/// The executable with these arguments and variables alone.
std::unique_ptr<ChildProcess> start(std::vector<std::string> arguments,
                                    const std::map<std::string, std::string>& environment = {}) {
  arguments.insert(arguments.begin(), ComponentProcess::executable());
  return std::make_unique<ChildProcess>(std::move(arguments), environment);
}

/// A call that every serving component answers, initialised or not.
bool answers(const std::string& socket) {
  ComponentClient client("unix:" + socket, "nobody-called-init");
  return client.publish("t", "x").error_code() == grpc::StatusCode::FAILED_PRECONDITION;
}

/// Whether a process of another user gets as far as the server's first bytes.
bool serves_user(const std::string& socket, uid_t uid) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket.c_str(), sizeof address.sun_path - 1);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(uid) != 0 || ::setuid(uid) != 0) ::_exit(2);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) ::_exit(1);
    // HTTP/2 (RFC 9113 section 3.4): the client begins, with an empty SETTINGS too, then come the
    // server's.
    constexpr std::string_view kPreface{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33};
    static_cast<void>(::send(fd, kPreface.data(), kPreface.size(), MSG_NOSIGNAL) < 0);
    pollfd readable{fd, POLLIN, 0};
    char byte = 0;
    const bool served = ::poll(&readable, 1, 20000) == 1 && ::recv(fd, &byte, 1, 0) == 1;
    ::_exit(served ? 0 : 1);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != 2) << "could not become uid " << uid;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(Socket, is_where_the_flags_say) {
  const TemporaryFolder folder;
  const std::string missing = folder.path() + "/made/when/missing";
  ComponentProcess component({.arguments = {"--name", "other"}, .socket_folder = missing});
  EXPECT_EQ(component.socket(), missing + "/other.sock");
  EXPECT_TRUE(answers(component.socket()));
}

TEST(Socket, is_where_the_injectors_variable_says_before_daprds) {
  const TemporaryFolder injector;
  const TemporaryFolder daprd;
  const auto both = start({}, {{"DAPR_COMPONENT_SOCKETS_FOLDER", injector.path()},
                               {"DAPR_COMPONENTS_SOCKETS_FOLDER", daprd.path()}});
  ASSERT_TRUE(both->wait_for_output("serving ")) << both->output();
  EXPECT_TRUE(answers(injector.path() + "/mqtt.sock"));
  EXPECT_FALSE(fs::exists(daprd.path() + "/mqtt.sock"));

  const auto one = start({}, {{"DAPR_COMPONENTS_SOCKETS_FOLDER", daprd.path()}});
  ASSERT_TRUE(one->wait_for_output("serving ")) << one->output();
  EXPECT_TRUE(answers(daprd.path() + "/mqtt.sock"));
}

TEST(Socket, is_alone_in_its_folder) {
  // daprd takes every entry for a component's socket.
  const TemporaryFolder folder;
  const ComponentProcess component({.socket_folder = folder.path()});
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
}

TEST(Socket, is_for_our_user_alone_unless_told_otherwise) {
  const ComponentProcess component;
  EXPECT_EQ(mode_of(component.socket()), 0600U);
  const ComponentProcess open({.arguments = {"--socket-mode", "0666"}});
  EXPECT_EQ(mode_of(open.socket()), 0666U);
}

TEST(Socket, refuses_other_users_unless_they_are_allowed) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become another user";
  const auto served = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--socket-mode", "0666"});
    const TemporaryFolder folder;
    fs::permissions(folder.path(), fs::perms(0755));
    ComponentProcess component({.arguments = arguments, .socket_folder = folder.path()});
    EXPECT_TRUE(answers(component.socket()));
    return serves_user(component.socket(), kStranger);
  };
  EXPECT_FALSE(served({}));
  EXPECT_FALSE(served({"--allow-uid", "12345"}));
  EXPECT_TRUE(served({"--allow-uid", "12345", "--allow-uid", std::to_string(kStranger)}));
  EXPECT_TRUE(served({"--allow-any-uid"}));
}

TEST(Start, replaces_the_socket_of_a_process_that_was_killed) {
  const TemporaryFolder folder;
  ComponentProcess killed({.socket_folder = folder.path()});
  killed.kill();
  ASSERT_TRUE(fs::is_socket(killed.socket()));
  const ComponentProcess next({.socket_folder = folder.path()});
  EXPECT_TRUE(answers(next.socket()));
}

TEST(Start, never_steals_the_socket_of_a_living_process) {
  const TemporaryFolder folder;
  ComponentProcess first({.socket_folder = folder.path()});
  const auto second = start({"--socket-folder", folder.path()});
  EXPECT_EQ(second->wait_for_end(), 1);
  EXPECT_THAT(second->lines(), ::testing::SizeIs(1)) << second->output();
  EXPECT_THAT(second->output(), AllOf(HasSubstr("level=fatal"), HasSubstr(first.socket())));
  EXPECT_TRUE(answers(first.socket()));
  EXPECT_EQ(first.terminate(), 0);
}

TEST(Start, ends_with_1_and_the_reason_when_the_folder_cannot_be_had) {
  const auto process = start({"--socket-folder", "/dev/null/folder"});
  EXPECT_EQ(process->wait_for_end(), 1);
  EXPECT_THAT(process->output(), AllOf(HasSubstr("level=fatal"), HasSubstr("/dev/null")));
}

TEST(Start, ends_with_2_when_its_arguments_are_wrong) {
  const auto process = start({"--socket-mode", "rw"});
  EXPECT_EQ(process->wait_for_end(), 2);
  EXPECT_THAT(process->output(), HasSubstr("--socket-mode"));
}

TEST(Threads, that_poll_for_gRPC_are_one) {
  // With gRPC's own beside it (callback API: "nexting_thread"; synchronous services:
  // "grpcpp_sync_ser"), each event would wake another one.
  ComponentProcess component;
  ASSERT_TRUE(answers(component.socket()));
  std::multiset<std::string> names;
  const fs::path tasks = "/proc/" + std::to_string(component.process().pid()) + "/task";
  for (const auto& task : fs::directory_iterator(tasks)) {
    std::string name;
    std::getline(std::ifstream(task.path() / "comm"), name);
    names.insert(name);
  }
  EXPECT_EQ(names.count("grpc-calls"), 1U);
  for (const std::string& name : names) {
    EXPECT_FALSE(name.starts_with("nexting") || name.starts_with("grpcpp")) << name;
  }
}

class Stop : public ::testing::TestWithParam<int> {};

TEST_P(Stop, removes_the_socket_and_ends_with_0_at_the_first_signal) {
  const TemporaryFolder folder;
  ComponentProcess component({.socket_folder = folder.path()});
  component.process().signal(GetParam());
  EXPECT_EQ(component.process().wait_for_end(), 0) << component.process().output();
  EXPECT_FALSE(fs::exists(component.socket()));
}

INSTANTIATE_TEST_SUITE_P(Signals, Stop, ::testing::Values(SIGTERM, SIGINT), [](const auto& value) {
  return value.param == SIGTERM ? "SIGTERM" : "SIGINT";
});

/// A component with a message that the app has not acknowledged.
class StopWithWork : public ::testing::Test {
 protected:
  void start(const std::string& drain_timeout) {
    component_ = std::make_unique<ComponentProcess>(
        ComponentOptions{.arguments = {"--drain-timeout", drain_timeout}});
    client_ = std::make_unique<ComponentClient>(component_->address());
    ASSERT_EQ(
        client_->init({{"url", broker_->url()}, {"consumerID", "c"}, {"qos", "1"}}).error_message(),
        "");
    stream_ = client_->pull("work");
    ASSERT_TRUE(client_->publish("work", "unfinished").ok());
    const auto message = stream_->next();
    ASSERT_TRUE(message) << component_->process().output();
    id_ = message->id();
  }
  void SetUp() override {
    DAPR_MQTT_NEEDS_MOSQUITTO();
    broker_ = std::make_unique<Mosquitto>();
  }

  std::unique_ptr<Mosquitto> broker_;
  std::unique_ptr<ComponentProcess> component_;
  std::unique_ptr<ComponentClient> client_;
  std::unique_ptr<PullStream> stream_;
  std::string id_;
};

constexpr seconds kSoon{15};  // and far less than a drain of ten minutes

TEST_F(StopWithWork, waits_for_what_is_in_flight_and_no_longer) {
  start("10m");
  component_->process().signal(SIGTERM);
  ASSERT_TRUE(component_->process().wait_for_output("stopping"));
  EXPECT_TRUE(component_->process().running());
  stream_->ack(id_);
  EXPECT_EQ(component_->process().wait_for_end(kSoon), 0) << component_->process().output();
}

TEST_F(StopWithWork, ends_with_0_when_its_time_is_over) {
  start("100ms");
  EXPECT_EQ(component_->terminate(kSoon), 0) << component_->process().output();
  EXPECT_FALSE(fs::exists(component_->socket()));
}

TEST_F(StopWithWork, ends_at_once_at_the_second_signal) {
  start("10m");
  component_->process().signal(SIGTERM);
  ASSERT_TRUE(component_->process().wait_for_output("stopping"));
  component_->process().signal(SIGINT);
  EXPECT_EQ(component_->process().wait_for_end(kSoon), 128 + SIGINT);
}

TEST_F(StopWithWork, takes_no_new_connection_meanwhile) {
  start("10m");
  component_->process().signal(SIGTERM);
  ASSERT_TRUE(component_->process().wait_for_output("stopping"));
  stream_->ack(id_);
  ASSERT_EQ(component_->process().wait_for_end(kSoon), 0);
  EXPECT_FALSE(answers(component_->socket()));
}

}  // namespace
}  // namespace dapr_mqtt::testing
