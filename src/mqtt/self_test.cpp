#include "dapr_mqtt/mqtt/self_test.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "dapr_mqtt/base/unique_fd.h"
#include "mqtt/memory_packets.h"
#include "mqtt/paho_client.h"
#include "mqtt/paho_library.h"
#include "mqtt/stand_ins.h"
#include "mqtt/waker.h"

namespace dapr_mqtt::mqtt {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using transport::IoResult;
using Outcome = IoResult::Outcome;

/// For one connection, which takes milliseconds: on a machine that stands still for seconds the test
/// must not fail.
constexpr std::chrono::seconds kTimeout{15};

/// One end of the socket pair.
class PairStream final : public transport::ByteStream {
 public:
  explicit PairStream(base::UniqueFd fd) : fd_(std::move(fd)) {}
  int fd() const override { return fd_.get(); }
  IoResult read(char* buffer, std::size_t size) override {
    const ssize_t n = ::read(fd_.get(), buffer, size);
    return n == 0 ? IoResult{Outcome::kClosed, 0, {}} : result(n);
  }
  bool has_buffered_input() const override { return false; }
  IoResult write(const char* data, std::size_t size) override {
    return result(::send(fd_.get(), data, size, MSG_NOSIGNAL));
  }
  IoResult flush() override { return {Outcome::kDone, 0, {}}; }
  bool wants_write() const override { return false; }
  void shut_down() override { ::shutdown(fd_.get(), SHUT_WR); }

 private:
  static IoResult result(ssize_t n) {
    if (n >= 0) return {Outcome::kDone, static_cast<std::size_t>(n), {}};
    if (errno == EAGAIN) return {Outcome::kWouldBlock, 0, {}};
    return {Outcome::kFailed, 0, base::unavailable("the socket pair broke")};
  }
  base::UniqueFd fd_;
};

class Sink final : public core::MessageSink {
 public:
  bool on_message(core::IncomingMessage message) noexcept override {
    got_it = message.topic == "t" && message.payload == "p";
    message.receipt.give();
    return true;
  }
  void commit_received() noexcept override {}

  std::atomic<bool> got_it{false};
};

/// The broker at the other end: answers CONNECT, SUBSCRIBE (followed by a message) and PUBLISH of
/// QoS 1 to a topic of one letter. It copies packet identifiers from Paho's packets, since Paho skips
/// identifiers that its other clients use.
class Broker {
 public:
  explicit Broker(base::UniqueFd fd) : fd_(std::move(fd)) {}

  /// Handles packets until `done()`; false when time is up.
  template <typename Done>
  bool serve_until(steady_clock::time_point deadline, Waker& waker, Done done) {
    while (!done()) {
      const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
      if (left.count() <= 0) return false;
      pollfd fds[] = {{closed ? -1 : fd_.get(), POLLIN, 0}, {waker.fd(), POLLIN, 0}};
      ::poll(fds, 2, static_cast<int>(left.count()));
      waker.drain();
      if (fds[0].revents != 0) receive();
    }
    return true;
  }

  bool acknowledged = false;
  bool closed = false;

 private:
  void receive() {
    char buffer[256];
    const ssize_t size = ::read(fd_.get(), buffer, sizeof buffer);
    closed = size == 0;
    if (size > 0) input_.append(buffer, static_cast<std::size_t>(size));
    // All packets have less than 128 bytes, so their length field is one byte.
    while (input_.size() >= 2 && input_.size() >= 2U + static_cast<unsigned char>(input_[1])) {
      answer(static_cast<unsigned char>(input_[0]) >> 4U);
      input_.erase(0, 2U + static_cast<unsigned char>(input_[1]));
    }
  }

  void answer(int type) {
    switch (type) {
      case 1: return send({"\x20\x02\0\0", 4});
      case 3: return send(std::string("\x40\x02") + input_[5] + input_[6]);
      case 4: acknowledged = true; return;
      case 8:
        return send({std::string("\x90\x03") + input_[2] + input_[3] + "\x01" +
                     std::string("\x32\x06\0\x01t\0\x01p", 8)});
      default: return;
    }
  }

  void send(const std::string& bytes) {
    [[maybe_unused]] const ssize_t size =
        ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

  base::UniqueFd fd_;
  std::string input_;
};

base::Status failure(std::string_view function, const std::string& unless_busy) {
  return base::internal_error("self-test: " + std::string(function) +
                              "() of this program is not called by the MQTT client library, which "
                              "therefore cannot connect to any broker: the program is linked in a "
                              "way that hides its own functions, or this version of the library is "
                              "not supported" +
                              unless_busy);
}

enum class At { kStart, kEnd };

/// `failed`: the library has reported a failure; otherwise time is up.
base::Status missing(const StandInCalls& before, const char* step, bool failed,
                     At at = At::kStart) {
  const std::string unless_busy = failed ? ""
                                         : "; or the machine was too busy to end the test in " +
                                               std::to_string(kTimeout.count()) + " s";
  const StandInCalls now = stand_in_calls();
  if (now.connect == before.connect) return failure("connect", unless_busy);
  if (now.writev == before.writev) return failure("writev", unless_busy);
  if (now.poll == before.poll) return failure("poll", unless_busy);
  if (now.recv == before.recv) return failure("recv", unless_busy);
  if (at == At::kEnd && now.close == before.close) return failure("shutdown", unless_busy);
  return base::internal_error(std::string("self-test: the MQTT client library does not work as "
                                          "expected: no answer to ") +
                              step + unless_busy);
}

/// Tests one connection from CONNECT to DISCONNECT: a consumer's, or a publisher's if `sink` is null.
base::Status run(Sink* sink) {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0) {
    return base::internal_error("self-test: cannot create a socket pair");
  }
  Broker broker{base::UniqueFd(fds[1])};
  const StandInCalls before = stand_in_calls();
  const auto deadline = steady_clock::now() + kTimeout;
  const auto waker = std::make_shared<Waker>();
  struct Progress {
    std::atomic<bool> connected{false};
    std::atomic<bool> failed{false};
    std::atomic<bool> done{false};
  };
  const auto progress = std::make_shared<Progress>();

  core::ConnectionOptions options;
  options.client_id = "self-test";
  options.connect_timeout = 2 * kTimeout;
  PahoClient::Events events;
  events.connected = [=](bool) {
    progress->connected = true;
    waker->wake();
  };
  events.connect_failed = [=](const base::Status&, bool) {
    progress->failed = true;
    waker->wake();
  };
  events.lost = [=](const base::Status&, core::ConnectionEnd) {
    progress->failed = true;
    waker->wake();
  };
  MemoryPackets packets;
  auto made = PahoClient::make(std::make_unique<PairStream>(base::UniqueFd(fds[0])), options, false,
                               events, sink, std::make_shared<packets::AckLedger>(packets));
  if (!made.ok()) return made.status();
  const auto client = std::move(made).value();
  if (base::Status status = client->connect(options, true); !status.ok()) return status;
  const auto serve_until = [&](auto done) {
    return broker.serve_until(deadline, *waker, [&] { return progress->failed || done(); }) &&
           !progress->failed;
  };
  if (!serve_until([&] { return progress->connected.load(); })) {
    return missing(before, "CONNECT", progress->failed);
  }

  const auto done = [=](const base::Status& status) {
    (status.ok() ? progress->done : progress->failed) = true;
    waker->wake();
  };
  const auto topic = core::TopicName::parse("t");
  const auto filter = core::TopicFilter::parse("t");
  if (sink != nullptr) {
    client->subscribe(filter.value(), {core::QoS::kAtLeastOnce},
                      [=](const base::Result<core::QoS>& granted) { done(granted.status()); });
    if (!serve_until([&] { return progress->done && broker.acknowledged; })) {
      return missing(before, "SUBSCRIBE", progress->failed);
    }
    if (!sink->got_it) return base::internal_error("self-test: a message arrived changed");
  } else {
    base::Status status =
        client->publish({topic.value(), "p", core::QoS::kAtLeastOnce, false, nullptr}, done);
    if (!status.ok()) return status;
    if (!serve_until([&] { return progress->done.load(); })) {
      return missing(before, "PUBLISH", progress->failed);
    }
  }
  client->shut_down(base::cancelled("the self-test is over"));
  const bool closed = broker.serve_until(deadline, *waker, [&] { return broker.closed; });
  return closed ? base::Status() : missing(before, "DISCONNECT", false, At::kEnd);
}

}  // namespace

base::Status self_test() {
  PahoLibrary::ignore_environment();
  Sink sink;
  base::Status status = run(&sink);
  return status.ok() ? run(nullptr) : status;
}

}  // namespace dapr_mqtt::mqtt
