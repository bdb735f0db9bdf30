#include "transport/tcp_stream.h"

#include <gmock/gmock.h>
#include <netinet/tcp.h>

#include "loopback.h"
#include "transport/tcp_race.h"
#include "transport/wait.h"

namespace dapr_mqtt::transport {
namespace {

using ::testing::HasSubstr;
using Outcome = IoResult::Outcome;
using namespace std::chrono_literals;
using testing::Listener;
using testing::soon;

class TcpStreamTest : public ::testing::Test {
 protected:
  TcpStreamTest() {
    std::vector<std::string> addresses{"127.0.0.1"};
    stream_ = std::make_unique<TcpStream>(
        race_to_connect(addresses, listener_.port(), soon(), cancel_).socket, 30s);
    peer_ = listener_.accept();
  }
  IoResult read_when_ready(std::string& buffer) {
    EXPECT_EQ(wait_for(*stream_, soon(), cancel_), Waited::kReady);
    return stream_->read(buffer.data(), buffer.size());
  }
  int option(int level, int name) const {
    int value = 0;
    socklen_t size = sizeof value;
    EXPECT_EQ(::getsockopt(stream_->fd(), level, name, &value, &size), 0);
    return value;
  }

  Listener listener_;
  Cancel cancel_;
  std::unique_ptr<TcpStream> stream_;
  base::UniqueFd peer_;
  std::string buffer_ = std::string(100, '\0');
};

TEST_F(TcpStreamTest, Bytes_go_both_ways) {
  EXPECT_EQ(stream_->read(buffer_.data(), buffer_.size()).outcome, Outcome::kWouldBlock);
  const IoResult put = stream_->write("hello", 5);
  EXPECT_EQ(put.outcome, Outcome::kDone);
  EXPECT_EQ(put.bytes, 5U);
  EXPECT_EQ(::recv(peer_.get(), buffer_.data(), 5, MSG_WAITALL), 5);
  ASSERT_EQ(::send(peer_.get(), "world", 5, 0), 5);
  const IoResult got = read_when_ready(buffer_);
  EXPECT_EQ(std::string(buffer_, 0, got.bytes), "world");
}

TEST_F(TcpStreamTest, Full_socket_would_block) {
  const std::string much(1U << 20U, 'x');
  IoResult last;
  for (int i = 0; i < 1000; ++i) {
    last = stream_->write(much.data(), much.size());
    if (last.outcome != Outcome::kDone) break;
  }
  EXPECT_EQ(last.outcome, Outcome::kWouldBlock);
}

TEST_F(TcpStreamTest, End_of_the_other_side_is_closed_and_stays_so) {
  peer_.reset();
  EXPECT_EQ(read_when_ready(buffer_).outcome, Outcome::kClosed);
  EXPECT_EQ(stream_->read(buffer_.data(), 1).outcome, Outcome::kClosed);
  EXPECT_TRUE(stream_->closed_by_peer());
}

TEST_F(TcpStreamTest, Reset_is_named_and_a_write_raises_no_signal) {
  const linger at_once{1, 0};
  ::setsockopt(peer_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  peer_.reset();
  EXPECT_FALSE(stream_->closed_by_peer());
  const IoResult got = read_when_ready(buffer_);
  EXPECT_EQ(got.outcome, Outcome::kFailed);
  EXPECT_TRUE(stream_->closed_by_peer());
  EXPECT_THAT(got.status.message(), HasSubstr("the connection broke: the other side has reset it"));
  const IoResult put = stream_->write("x", 1);
  EXPECT_EQ(put.outcome, Outcome::kFailed);
  EXPECT_THAT(put.status.message(), HasSubstr("the connection broke"));
}

TEST_F(TcpStreamTest, Shut_down_ends_what_the_other_side_reads) {
  stream_->shut_down();
  EXPECT_EQ(::recv(peer_.get(), buffer_.data(), 1, 0), 0);
}

TEST_F(TcpStreamTest, Socket_has_the_options) {
  EXPECT_NE(option(IPPROTO_TCP, TCP_NODELAY), 0);
  EXPECT_NE(option(SOL_SOCKET, SO_KEEPALIVE), 0);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), 7);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_USER_TIMEOUT), 18750);
}

TEST(TcpTimeouts, Half_open_connection_is_found_within_one_and_a_half_keep_alives) {
  for (const auto keep_alive : {4s, 10s, 30s, 60s, 300s, 65535s}) {
    const TcpTimeouts t = timeouts_for(keep_alive);
    // Just before the probes would have noticed, something is sent, which starts the timeout again.
    EXPECT_LE(2 * t.unanswered + t.interval, keep_alive * 3 / 2) << keep_alive.count();
    EXPECT_LT(t.idle, t.unanswered);
    EXPECT_GE(t.probes, 1);
  }
}

TEST(TcpTimeouts, No_keep_alive_has_sensible_ones) {
  EXPECT_EQ(timeouts_for(0s).unanswered, timeouts_for(kDefaultKeepAlive).unanswered);
  EXPECT_GE(timeouts_for(1s).unanswered, 1s);
}

}  // namespace
}  // namespace dapr_mqtt::transport
