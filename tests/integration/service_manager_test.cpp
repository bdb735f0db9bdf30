// Type=notify: systemd's part is played by a datagram socket.
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>

#include <grpcpp/grpcpp.h>

#include "dapr_mqtt/base/unique_fd.h"
#include "integration/component_test.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::HasSubstr;

class ServiceManager {
 public:
  explicit ServiceManager(std::string name) : name_(std::move(name)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(name_.begin(), name_.end(), address.sun_path);
    if (name_.front() == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size());
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
    const timeval patience{20, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  const std::string& name() const { return name_; }
  /// The next datagram; empty when none comes.
  std::string next() const {
    char text[512];
    const ssize_t size = ::recv(fd_.get(), text, sizeof text, 0);
    return size < 0 ? std::string() : std::string(text, static_cast<std::size_t>(size));
  }

 private:
  const std::string name_;
  base::UniqueFd fd_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

void expect_ready_then_stopping(const ServiceManager& manager) {
  ComponentProcess component({.environment = {{"NOTIFY_SOCKET", manager.name()}}});
  EXPECT_THAT(manager.next(), HasSubstr("READY=1\n"));
  const auto channel = grpc::CreateChannel(component.address(), grpc::InsecureChannelCredentials());
  EXPECT_TRUE(channel->WaitForConnected(std::chrono::system_clock::now() + kPatience));
  EXPECT_EQ(component.terminate(), 0);
  EXPECT_THAT(manager.next(), HasSubstr("STOPPING=1\n"));
}

TEST(Systemd, hears_when_the_component_serves_and_when_it_stops) {
  const TemporaryFolder folder;
  expect_ready_then_stopping(ServiceManager(folder.path() + "/notify"));
}

TEST(Systemd, may_have_an_abstract_socket) {
  const TemporaryFolder folder;  // for a name that is ours alone
  expect_ready_then_stopping(ServiceManager("@" + folder.path()));
}

TEST(Systemd, that_does_not_listen_stops_nobody) {
  const TemporaryFolder folder;
  ComponentProcess component({.environment = {{"NOTIFY_SOCKET", folder.path() + "/nobody"}}});
  EXPECT_EQ(component.terminate(), 0);
}

}  // namespace
}  // namespace dapr_mqtt::testing
