// MQTT 5's authentication in CONNECT with a token in a file, and a broker that accepts one token.
#include <gmock/gmock.h>
#include <poll.h>

#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "dapr_mqtt/base/mutex.h"
#include "mqtt/connection.h"
#include "support/captured_log.h"
#include "support/mqtt_bytes.h"
#include "support/scratch_folder.h"
#include "support/waiting.h"
#include "unit/transport/loopback.h"

namespace dapr_mqtt::mqtt {
namespace {

namespace bytes = testing::mqtt;
using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;
constexpr auto k5 = core::ProtocolVersion::kMqtt5;

/// Accepts connections whose CONNECT has the method JWT with this token as its data. It is an HTTP
/// proxy for itself too, for clients that send an HTTP CONNECT first.
class TokenBroker {
 public:
  explicit TokenBroker(std::string good) : good_(std::move(good)) {
    thread_ = std::thread([this] { run(); });
  }
  ~TokenBroker() {
    stop_.set();
    thread_.join();
  }
  std::uint16_t port() const { return listener_.port(); }
  /// Empty: any.
  void takes(std::string good) {
    base::MutexLock lock(mutex_);
    good_ = std::move(good);
  }
  /// Refuses as a proxy, this many times.
  void refuses_passage(int times) { refusals_ = times; }
  /// Ends the current connection, as brokers do when a token has expired.
  void expire() { expire_.set(); }

 private:
  void run() {
    while (!stop_.is_set()) {
      pollfd wait[] = {{stop_.fd(), POLLIN, 0}, {listener_.fd(), POLLIN, 0}};
      ::poll(wait, 2, -1);
      if (stop_.is_set()) return;
      serve(listener_.accept());
    }
  }
  void serve(const base::UniqueFd& fd) {
    std::string sent;
    const auto receive = [&] {
      char buffer[1024];
      const ssize_t got = ::recv(fd.get(), buffer, sizeof buffer, 0);
      if (got > 0) sent.append(buffer, static_cast<std::size_t>(got));
      return got > 0;
    };
    if (!receive()) return;
    if (sent.starts_with("CONNECT ")) {
      while (!sent.ends_with("\r\n\r\n")) {
        if (!receive()) return;
      }
      if (refusals_ > 0) {
        --refusals_;
        return send(fd, "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
      }
      send(fd, "HTTP/1.1 200 OK\r\n\r\n");
      sent.clear();
    }
    while (!bytes::whole_packet(sent)) {
      if (!receive()) return;
    }
    bool good = false;
    {
      base::MutexLock lock(mutex_);
      good = sent.find("\x15" + bytes::text("JWT")) != std::string::npos &&
             (good_.empty() || sent.find("\x16" + bytes::text(good_)) != std::string::npos) &&
             sent.find("\x26" + bytes::text("site") + bytes::text("berlin")) != std::string::npos;
    }
    send(fd, bytes::connack(k5, false, good ? 0 : 0x87));
    while (good) {
      pollfd wait[] = {{stop_.fd(), POLLIN, 0}, {expire_.fd(), POLLIN, 0}, {fd.get(), POLLIN, 0}};
      ::poll(wait, 3, -1);
      if (stop_.is_set()) return;
      if (expire_.is_set()) {
        expire_.reset();
        send(fd, bytes::disconnect(0x87));
        return;
      }
      char buffer[1024];
      if (::recv(fd.get(), buffer, sizeof buffer, 0) <= 0) return;
    }
  }
  static void send(const base::UniqueFd& fd, const std::string& data) {
    (void)::send(fd.get(), data.data(), data.size(), MSG_NOSIGNAL);
  }

  const testing::Listener listener_;
  transport::Cancel stop_;
  transport::Cancel expire_;
  std::atomic<int> refusals_{0};
  base::Mutex mutex_;
  std::string good_ DM_GUARDED_BY(mutex_);
  std::thread thread_;
};

class Events final : public core::ConnectionListener {
 public:
  void on_connected(const core::SessionFound&) override { happened.push("connected"); }
  void on_disconnected(const base::Status& cause, core::ConnectionEnd end) override {
    happened.push(end == core::ConnectionEnd::kRenewal ? "renewal" : cause.message());
  }
  void on_credentials(const core::CredentialsReport& report) override {
    if (!report.problem.ok()) problems.push(report.problem.message());
  }
  testing::Channel<std::string> happened;
  testing::Channel<std::string> problems;
};

class TokenRenewal : public ::testing::Test {
 protected:
  void write(const std::string& token) {
    std::ofstream(folder_.file("new")) << token << "\n";
    std::filesystem::rename(folder_.file("new"), folder_.file("token"));
  }
  void connect(bool through_proxy = false) {
    Connection::Settings settings;
    if (through_proxy) {
      core::Proxy proxy;
      proxy.host = "127.0.0.1";
      proxy.port = broker_.port();
      settings.options.proxy = proxy;
    }
    settings.options.endpoints = {{core::Transport::kTcp, "127.0.0.1", broker_.port(), {}}};
    settings.options.client_id = "client";
    settings.options.protocol = k5;
    settings.options.auth_method = "JWT";
    settings.options.files.auth_data = folder_.file("token");
    settings.options.user_properties = {{"site", "berlin"}};
    settings.role = "publisher";
    settings.backoff_initial = settings.backoff_max = milliseconds(1);
    connection_.emplace(settings, events_, nullptr, nullptr, base::Log(log_),
                        std::make_shared<transport::Resolver>());
    connection_->open();
  }
  std::string next() { return events_.happened.next().value_or("nothing"); }

  const testing::ScratchFolder folder_;
  TokenBroker broker_{"hush-1"};
  Events events_;
  testing::CapturedLog log_;
  std::optional<Connection> connection_;
};

TEST_F(TokenRenewal, Follows_the_file_before_the_old_one_ends) {
  write("hush-1");
  connect();
  ASSERT_EQ(next(), "connected");
  broker_.takes("hush-2");
  write("hush-2");
  EXPECT_EQ(next(), "renewal");
  EXPECT_EQ(next(), "connected");
  EXPECT_THAT(log_.text(), Not(HasSubstr("hush")));
}

TEST_F(TokenRenewal, Is_read_again_when_the_broker_ends_the_connection_for_it) {
  write("hush-1");
  connect();
  ASSERT_EQ(next(), "connected");
  write("hush-2");
  broker_.takes("hush-2");
  broker_.expire();
  // It depends on what was seen first: the new file or the end of the connection.
  const std::string first = next();
  EXPECT_TRUE(first == "renewal" || first.find("0x87") != std::string::npos ||
              first.find("authorized") != std::string::npos)
      << first;
  EXPECT_EQ(next(), "connected");
}

TEST_F(TokenRenewal, Goes_on_with_the_earlier_one_when_the_broker_refuses_the_new_one) {
  write("hush-1");
  connect();
  ASSERT_EQ(next(), "connected");
  write("hush-wrong");
  EXPECT_EQ(next(), "renewal");
  EXPECT_EQ(next(), "connected");
  EXPECT_THAT(events_.problems.next().value_or(""), HasSubstr("changed credentials are refused"));
  // The accepted client may have the address of the refused one. The end of the refused one must not
  // end the connection.
  testing::Channel<bool> closed;
  connection_->close([&] { closed.push(true); });
  EXPECT_TRUE(closed.next());
  EXPECT_EQ(events_.happened.size(), 0U) << next();
  EXPECT_THAT(log_.text(), Not(HasSubstr("hush")));
}

TEST_F(TokenRenewal, Is_not_blamed_for_what_a_proxy_refuses) {
  write("hush-1");
  connect(true);
  ASSERT_EQ(next(), "connected");
  broker_.refuses_passage(1);
  broker_.takes("");  // the earlier one too, if it were tried
  write("hush-2");
  EXPECT_EQ(next(), "renewal");
  EXPECT_THAT(next(), HasSubstr("it requires a login"));
  EXPECT_EQ(next(), "connected");
  EXPECT_EQ(events_.problems.size(), 0U);
  EXPECT_THAT(log_.text(), Not(HasSubstr("changed credentials are refused")));
}

TEST_F(TokenRenewal, Says_what_is_wrong_with_the_first_one) {
  connect();
  EXPECT_THAT(next(), HasSubstr("authDataFile " + folder_.file("token") + ": cannot be read"));
  write("hush-wrong");
  std::string seen;
  while ((seen = next()).find("authorized") == std::string::npos && seen != "nothing") {
  }
  EXPECT_THAT(seen, HasSubstr("authorized"));
  write("hush-1");
  while ((seen = next()) != "connected" && seen != "nothing") {
  }
  EXPECT_EQ(seen, "connected");
}

}  // namespace
}  // namespace dapr_mqtt::mqtt
