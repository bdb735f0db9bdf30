// Prints one line: the result of the self-test in this program, and what a client then sends to a
// broker. Linked in several ways (CMakeLists.txt).
//   fail_closed [<n>]   with all descriptors below n in use
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "dapr_mqtt/base/unique_fd.h"
#include "dapr_mqtt/mqtt/self_test.h"
#include "mqtt/memory_packets.h"
#include "mqtt/paho_client.h"
#include "mqtt/waker.h"

namespace dapr_mqtt::mqtt {
namespace {

using Outcome = transport::IoResult::Outcome;

/// The longest time for a client that fails.
constexpr std::chrono::seconds kPatience{2};

class PairStream final : public transport::ByteStream {
 public:
  explicit PairStream(base::UniqueFd fd) : fd_(std::move(fd)) {}
  int fd() const override { return fd_.get(); }
  transport::IoResult read(char* buffer, std::size_t size) override {
    const ssize_t n = ::read(fd_.get(), buffer, size);
    return n == 0 ? transport::IoResult{Outcome::kClosed, 0, {}} : result(n);
  }
  bool has_buffered_input() const override { return false; }
  transport::IoResult write(const char* data, std::size_t size) override {
    return result(::send(fd_.get(), data, size, MSG_NOSIGNAL));
  }
  transport::IoResult flush() override { return {Outcome::kDone, 0, {}}; }
  bool wants_write() const override { return false; }
  void shut_down() override { ::shutdown(fd_.get(), SHUT_WR); }

 private:
  static transport::IoResult result(ssize_t n) {
    if (n >= 0) return {Outcome::kDone, static_cast<std::size_t>(n), {}};
    if (errno == EAGAIN) return {};
    return {Outcome::kFailed, 0, base::unavailable("the socket pair broke")};
  }
  base::UniqueFd fd_;
};

struct Reached {
  std::size_t bytes = 0;  ///< received by the broker
  bool connected = false;
};

/// Connects a client to a broker that counts the bytes it gets and answers with CONNACK.
Reached try_to_connect() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0) return {};
  const base::UniqueFd broker(fds[1]);
  const auto over = std::make_shared<Waker>();
  const auto connected = std::make_shared<std::atomic<bool>>(false);
  core::ConnectionOptions options;
  options.client_id = "fail-closed";
  MemoryPackets packets;
  PahoClient::Events events;
  events.connected = [=](bool) {
    *connected = true;
    over->wake();
  };
  events.connect_failed = [=](const base::Status&, bool) { over->wake(); };
  events.lost = [=](const base::Status&, core::ConnectionEnd) { over->wake(); };
  Reached reached;
  const auto take_down = [&] {
    char buffer[512];
    const ssize_t size = ::read(broker.get(), buffer, sizeof buffer);
    if (size <= 0) return false;
    reached.bytes += static_cast<std::size_t>(size);
    return true;
  };
  {
    auto client =
        PahoClient::make(std::make_unique<PairStream>(base::UniqueFd(fds[0])), options, false,
                         events, nullptr, std::make_shared<packets::AckLedger>(packets));
    if (!client.ok() || !client.value()->connect(options, true).ok()) return {};
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    for (;;) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      pollfd wait[] = {{broker.get(), POLLIN, 0}, {over->fd(), POLLIN, 0}};
      if (left.count() <= 0 || ::poll(wait, 2, static_cast<int>(left.count())) <= 0) break;
      if (wait[1].revents != 0 || !take_down()) break;
      if (::send(broker.get(), "\x20\x02\0\0", 4, MSG_NOSIGNAL) != 4) break;
    }
    client.value()->shut_down(base::cancelled("that was all"));
  }
  while (take_down()) {
  }
  reached.connected = *connected;
  return reached;
}

}  // namespace
}  // namespace dapr_mqtt::mqtt

/// After this, all newly opened descriptors have at least this number.
bool take_descriptors_below(int number) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  int fd = 0;
  while (fd >= 0 && fd < number) fd = ::dup(STDERR_FILENO);
  return fd >= 0;
}

int main(int count, char** arguments) {
  using namespace dapr_mqtt;
  if (count > 1 && !take_descriptors_below(std::stoi(arguments[1]))) {
    std::puts("SKIPPED: this process may not have as many descriptors");
    return 0;
  }
  const base::Status status = mqtt::self_test();
  const mqtt::Reached reached = mqtt::try_to_connect();
  std::printf("self-test: %s; client: %s, %s\n", status.ok() ? "OK" : status.message().c_str(),
              reached.connected ? "connected" : "not connected",
              reached.bytes > 0 ? "the broker got something" : "the broker got nothing");
  return status.ok() ? 0 : 1;
}
