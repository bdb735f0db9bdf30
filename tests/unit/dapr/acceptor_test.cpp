#include "dapr/acceptor.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "dapr/listening_socket.h"
#include "support/captured_log.h"
#include "unit/dapr/temp_folder.h"
#include "unit/dapr/unix_socket.h"

namespace dapr_mqtt::dapr {
namespace {

using testing::sees_end;

constexpr std::chrono::seconds kPatience{20};

/// The connection preface of an HTTP/2 client, with an empty SETTINGS frame.
constexpr std::string_view kPreface{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33};

/// As an HTTP/2 client does, with its preface at once.
base::UniqueFd connect_as_http2(const std::string& path) {
  base::UniqueFd fd = testing::connect_to(path);
  if (!fd.valid()) return fd;
  EXPECT_TRUE(::send(fd.get(), kPreface.data(), kPreface.size(), MSG_NOSIGNAL) > 0 ||
              errno == EPIPE);
  return fd;
}

/// Writes a greeting to each connection, and keeps it open, as gRPC does, until its end is
/// reported.
class Handler final : public ConnectionHandler {
 public:
  void on_connected(base::UniqueFd fd) override {
    std::lock_guard lock(mutex_);
    order_.push_back(fd.get());
    EXPECT_EQ(::send(fd.get(), "!", 1, MSG_NOSIGNAL) < 0 && errno != EPIPE, false);
    open_.emplace(fd.get(), std::move(fd));
    changed_.notify_all();
  }
  void on_ended(ConnectionId connection) override {
    std::lock_guard lock(mutex_);
    open_.erase(connection);
    ++ended_;
    changed_.notify_all();
  }
  bool wait_for(std::size_t connected, std::size_t ended) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience,
                             [&] { return order_.size() == connected && ended_ == ended; });
  }
  std::vector<ConnectionId> order() {
    std::lock_guard lock(mutex_);
    return order_;
  }
  /// As gRPC does when the peer breaks the protocol.
  void shut_down(ConnectionId connection) {
    std::lock_guard lock(mutex_);
    ::shutdown(connection, SHUT_RDWR);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<ConnectionId, base::UniqueFd> open_;
  std::vector<ConnectionId> order_;
  std::size_t ended_ = 0;
};

class AcceptorTest : public ::testing::Test {
 protected:
  void start(AcceptorOptions options = {}) {
    options.policy.own_uid = ::geteuid();
    auto socket = ListeningSocket::open(path_, 0666, base::Log(log_));
    ASSERT_TRUE(socket.ok()) << socket.status().message();
    socket_.emplace(std::move(socket).value());
    acceptor_.emplace(socket_->fd(), options, handler_, base::Log(log_));
    ASSERT_TRUE(acceptor_->start().ok());
  }

  /// Connects as another user in a child process; true when the connection was accepted.
  bool admitted_as(uid_t uid) {
    const pid_t child = ::fork();
    if (child == 0) {
      if (::setuid(uid) != 0) ::_exit(2);
      const base::UniqueFd fd = connect_as_http2(path_);
      if (!fd.valid()) ::_exit(3);
      char greeting = 0;
      ::_exit(::read(fd.get(), &greeting, 1) == 1 ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_LE(WEXITSTATUS(status), 1);
    return WEXITSTATUS(status) == 0;
  }

  testing::TempFolder folder_;
  const std::string path_ = folder_ / "mqtt.sock";
  testing::CapturedLog log_;
  Handler handler_;
  std::optional<ListeningSocket> socket_;
  std::optional<Acceptor> acceptor_;
};

TEST_F(AcceptorTest, Connections_come_with_numbers_of_their_own_that_are_not_used_again_soon) {
  start();
  std::set<ConnectionId> seen;
  for (std::size_t i = 1; i <= 50; ++i) {
    connect_as_http2(path_).reset();
    ASSERT_TRUE(handler_.wait_for(i, i));
  }
  for (const ConnectionId id : handler_.order()) EXPECT_TRUE(seen.insert(id).second) << id;
}

TEST_F(AcceptorTest, Connections_are_non_blocking_and_closed_on_exec) {
  start();
  const auto fd = connect_as_http2(path_);
  ASSERT_TRUE(handler_.wait_for(1, 0));
  const ConnectionId id = handler_.order().front();
  EXPECT_NE(::fcntl(id, F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(id, F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(AcceptorTest, End_of_an_idle_connection_is_told) {
  start();
  auto fd = connect_as_http2(path_);
  ASSERT_TRUE(handler_.wait_for(1, 0));
  fd.reset();
  EXPECT_TRUE(handler_.wait_for(1, 1));
}

TEST_F(AcceptorTest, Half_close_by_the_peer_counts_as_its_end) {
  start();
  const auto fd = connect_as_http2(path_);
  ASSERT_TRUE(handler_.wait_for(1, 0));
  ::shutdown(fd.get(), SHUT_WR);
  EXPECT_TRUE(handler_.wait_for(1, 1));
}

TEST_F(AcceptorTest, Connection_that_our_side_gives_up_ends_too) {
  start();
  const auto fd = connect_as_http2(path_);
  ASSERT_TRUE(handler_.wait_for(1, 0));
  handler_.shut_down(handler_.order().front());
  EXPECT_TRUE(handler_.wait_for(1, 1));
  EXPECT_TRUE(sees_end(fd.get()));
}

TEST_F(AcceptorTest, Connections_over_the_bound_are_closed_with_a_warning) {
  AcceptorOptions options;
  options.max_connections = 2;
  start(options);
  auto first = connect_as_http2(path_);
  const auto second = connect_as_http2(path_);
  const auto third = connect_as_http2(path_);
  EXPECT_TRUE(sees_end(third.get()));
  EXPECT_TRUE(handler_.wait_for(2, 0));
  EXPECT_TRUE(log_.contains("2 are open")) << log_.text();
  first.reset();
  ASSERT_TRUE(handler_.wait_for(2, 1));
  const auto fourth = connect_as_http2(path_);
  EXPECT_TRUE(handler_.wait_for(3, 1)) << "an end makes room";
}

TEST_F(AcceptorTest,
       Silent_connections_keep_out_nobody_and_the_oldest_are_closed_when_they_are_many) {
  AcceptorOptions options;
  options.max_silent = 3;
  start(options);
  std::vector<base::UniqueFd> silent;
  for (int i = 0; i < 300; ++i) silent.push_back(testing::connect_to(path_));
  const auto daprd = connect_as_http2(path_);
  ASSERT_TRUE(handler_.wait_for(1, 0)) << log_.text();
  EXPECT_TRUE(sees_end(silent.front().get()));
  EXPECT_TRUE(log_.contains("have not begun HTTP/2 yet")) << log_.text();
  // In pieces, too.
  ASSERT_EQ(::send(silent.back().get(), kPreface.data(), 24, MSG_NOSIGNAL), 24);
  ASSERT_EQ(::send(silent.back().get(), kPreface.data() + 24, 9, MSG_NOSIGNAL), 9);
  EXPECT_TRUE(handler_.wait_for(2, 0)) << "the youngest may still begin";
}

TEST_F(AcceptorTest, Connection_that_sends_nothing_in_time_is_closed_with_a_warning) {
  AcceptorOptions options;
  options.preface_within = std::chrono::milliseconds(50);
  start(options);
  const auto silent = testing::connect_to(path_);
  EXPECT_TRUE(sees_end(silent.get()));
  EXPECT_TRUE(log_.contains("it has not begun HTTP/2 within 50 ms")) << log_.text();
  EXPECT_TRUE(handler_.wait_for(0, 0));
}

TEST_F(AcceptorTest, Connection_that_stops_amid_its_preface_is_closed_in_time) {
  AcceptorOptions options;
  options.preface_within = std::chrono::milliseconds(50);
  start(options);
  for (const std::size_t bytes : {1, 23, 24, 32}) {
    const auto slow = testing::connect_to(path_);
    ASSERT_EQ(::send(slow.get(), kPreface.data(), bytes, MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes));
    EXPECT_TRUE(sees_end(slow.get())) << bytes;
  }
  EXPECT_TRUE(handler_.wait_for(0, 0));
}

TEST_F(AcceptorTest, Connection_that_speaks_no_http2_is_closed_at_once) {
  start();
  for (const std::string& begun :
       {std::string("GET / HTTP/1.1\r\n"), std::string("\x16\x03\x01"),
        std::string(kPreface.substr(0, 24)) + std::string("\0\0\0\1\0\0\0\0\0", 9)}) {
    const auto other = testing::connect_to(path_);
    ASSERT_GT(::send(other.get(), begun.data(), begun.size(), MSG_NOSIGNAL), 0);
    EXPECT_TRUE(sees_end(other.get())) << begun;
  }
  EXPECT_TRUE(log_.contains("is not HTTP/2")) << log_.text();
  EXPECT_TRUE(handler_.wait_for(0, 0));
}

TEST_F(AcceptorTest, Connections_of_one_user_over_its_bound_are_closed_and_others_let_in) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  AcceptorOptions options;
  options.policy.allowed_uids = {65532};
  options.max_of_a_user = 1;
  start(options);
  const auto first = connect_as_http2(path_);
  ASSERT_TRUE(handler_.wait_for(1, 0));
  const auto second = connect_as_http2(path_);
  EXPECT_TRUE(sees_end(second.get()));
  EXPECT_TRUE(log_.contains("as many as one user may have")) << log_.text();
  EXPECT_TRUE(admitted_as(65532));
}

TEST_F(AcceptorTest, Stop_accepting_keeps_watching_the_connections_there_are) {
  start();
  auto fd = connect_as_http2(path_);
  ASSERT_TRUE(handler_.wait_for(1, 0));
  acceptor_->stop_accepting();
  fd.reset();
  EXPECT_TRUE(handler_.wait_for(1, 1));
}

TEST_F(AcceptorTest, Stop_is_idempotent_and_silences_the_handler) {
  start();
  auto fd = connect_as_http2(path_);
  ASSERT_TRUE(handler_.wait_for(1, 0));
  acceptor_->stop();
  acceptor_->stop();
  fd.reset();
  const auto late = connect_as_http2(path_);
  EXPECT_TRUE(handler_.wait_for(1, 0));
}

TEST_F(AcceptorTest, Running_out_of_descriptors_delays_connections_and_does_not_spin) {
  start();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  base::UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const base::UniqueFd next(::dup(client.get()));  // the lowest free number is above
  rlimit low = before;
  low.rlim_cur = static_cast<rlim_t>(next.get()) + 1;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);

  const sockaddr_un address = testing::unix_address(path_);
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
            0);
  ASSERT_GT(::send(client.get(), kPreface.data(), kPreface.size(), MSG_NOSIGNAL), 0);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!log_.contains("cannot accept") && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(handler_.wait_for(1, 0)) << log_.text();
  EXPECT_EQ(log_.lines().size(), 1U) << log_.text();
}

TEST_F(AcceptorTest, Peer_of_another_user_is_closed_with_a_warning_that_names_the_flag) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  start();
  EXPECT_FALSE(admitted_as(65532));
  EXPECT_TRUE(log_.contains("uid 65532")) << log_.text();
  EXPECT_TRUE(log_.contains("--allow-uid 65532")) << log_.text();
  EXPECT_FALSE(admitted_as(65532));
  EXPECT_EQ(log_.lines().size(), 1U) << "one warning in a minute\n" << log_.text();
}

TEST_F(AcceptorTest, Peer_of_a_listed_user_is_let_in) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  AcceptorOptions options;
  options.policy.allowed_uids = {65532};
  start(options);
  EXPECT_TRUE(admitted_as(65532));
  EXPECT_FALSE(admitted_as(65533));
}

TEST_F(AcceptorTest, Peer_of_any_user_is_let_in_by_the_flag) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  AcceptorOptions options;
  options.policy.allow_any_uid = true;
  start(options);
  EXPECT_TRUE(admitted_as(65533));
}

TEST(PeerPolicy, admits_our_user_root_and_those_allowed) {
  PeerPolicy policy{1000, {1001, 1002}, false};
  EXPECT_TRUE(policy.admits(1000));
  EXPECT_TRUE(policy.admits(0));
  EXPECT_TRUE(policy.admits(1002));
  EXPECT_FALSE(policy.admits(1003));
  policy.allow_any_uid = true;
  EXPECT_TRUE(policy.admits(1003));
}

}  // namespace
}  // namespace dapr_mqtt::dapr
