#include "mqtt/descriptors.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <string>
#include <thread>
#include <vector>

#include "dapr_mqtt/base/unique_fd.h"
#include "mqtt/real_functions.h"
#include "mqtt/stand_ins.h"
#include "unit/mqtt/condition.h"
#include "unit/mqtt/descriptors_fixture.h"

// Paho's calls of C library functions, on sockets with a channel.
namespace dapr_mqtt::mqtt {
namespace {

using testing::as;
using testing::Condition;
using testing::kReceive;
using testing::kSend;

// ---- Offers ----

TEST_F(DescriptorsTest, Kernel_itself_refuses_the_address_that_leads_nowhere) {
  make();
  auto uri = descriptors_.offer(channel_, true);
  const auto socket = new_socket();
  const sockaddr_in address = address_of(uri.value());
  const auto real = next<int(int, const sockaddr*, socklen_t)>("connect");
  EXPECT_EQ(real(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), -1);
  EXPECT_NE(errno, EINPROGRESS);
  descriptors_.withdraw(uri.value());
}

TEST_F(DescriptorsTest, Offer_is_used_once_and_not_after_it_was_withdrawn) {
  make();
  const auto first = new_socket();
  const auto second = new_socket();
  auto used = descriptors_.offer(channel_, true);
  EXPECT_EQ(connect_to(first.get(), address_of(used.value())), 0);
  EXPECT_EQ(connect_to(second.get(), address_of(used.value())), ECONNREFUSED);
  descriptors_.withdraw(used.value());
  EXPECT_EQ(descriptors_.find(first.get()), channel_) << "it has been used";

  auto withdrawn = descriptors_.offer(channel_, true);
  EXPECT_NE(used.value(), withdrawn.value());
  descriptors_.withdraw(withdrawn.value());
  EXPECT_EQ(connect_to(second.get(), address_of(withdrawn.value())), ECONNREFUSED);
}

TEST_F(DescriptorsTest, As_many_offers_as_there_are_ports) {
  make();
  std::vector<std::string> uris;
  for (;;) {
    auto uri = descriptors_.offer(channel_, true);
    if (!uri.ok()) {
      EXPECT_EQ(uri.status().kind(), base::ErrorKind::kResourceExhausted);
      break;
    }
    uris.push_back(uri.value());
    ASSERT_LE(uris.size(), 65'535U);
  }
  EXPECT_EQ(uris.size(), 65'535U);
  for (const std::string& uri : uris) descriptors_.withdraw(uri);
  auto again = descriptors_.offer(channel_, true);
  ASSERT_TRUE(again.ok());
  descriptors_.withdraw(again.value());
}

// ---- On threads of any name ----

class DescriptorsOnThread : public DescriptorsTest,
                            public ::testing::WithParamInterface<const char*> {};

INSTANTIATE_TEST_SUITE_P(, DescriptorsOnThread, ::testing::Values(kSend, kReceive, "somebody"),
                         [](const auto& thread) { return std::string(thread.param); });

TEST_P(DescriptorsOnThread, Connect_without_an_offer_is_refused) {
  as(GetParam(), [] {
    const auto socket = new_socket();
    EXPECT_EQ(connect_to(socket.get(), address_of("tcp://224.0.0.0:4711")), ECONNREFUSED);
    EXPECT_EQ(Descriptors::instance().find(socket.get()), nullptr);
  });
}

TEST_P(DescriptorsOnThread, Connection_works_whatever_the_threads_name) {
  as(GetParam(), [&] {
    const auto socket = connected();
    const int fd = socket.get();
    EXPECT_EQ(descriptors_.find(fd), channel_);
    const std::string subscribe = bytes::subscribe(k311, 1, {"t"});
    EXPECT_EQ(writev_of(fd, subscribe), static_cast<ssize_t>(subscribe.size()));
    script_->comes(bytes::suback(k311, 1, "\1") + message("a", 1, 7));
    look_at(fd);
    EXPECT_EQ(poll_of(fd, POLLIN, kForEver), POLLIN);
    char buffer[64];
    EXPECT_EQ(::recv(fd, buffer, sizeof buffer, 0), 5);
    EXPECT_EQ(::recv(fd, buffer, sizeof buffer, 0), -1);
    EXPECT_EQ(errno, EAGAIN);
    EXPECT_EQ(script_->take_output(), subscribe + bytes::puback(7));
    EXPECT_EQ(calls_.take(), (Lines{"write", "message a", "commit", "write"}));
  });
}

TEST_P(DescriptorsOnThread, Foreign_descriptors_pass_straight_on) {
  as(GetParam(), [] {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    const base::UniqueFd other(ends[1]);
    base::UniqueFd own(ends[0]);
    EXPECT_EQ(writev_of(own.get(), "abc"), 3);
    char buffer[8];
    EXPECT_EQ(::recv(other.get(), buffer, sizeof buffer, MSG_PEEK), 3) << "with its flags";
    EXPECT_EQ(::recv(other.get(), buffer, sizeof buffer, 0), 3);
    EXPECT_EQ(::shutdown(own.get(), SHUT_WR), 0);
    EXPECT_EQ(::recv(other.get(), buffer, sizeof buffer, 0), 0);
    const int number = own.get();
    own = base::UniqueFd();
    EXPECT_EQ(::fcntl(number, F_GETFD), -1);
    EXPECT_EQ(::close(number), -1);
    EXPECT_EQ(errno, EBADF);
  });
}

TEST_P(DescriptorsOnThread, Foreign_addresses_are_connected_to) {
  as(GetParam(), [] {
    const auto listener = new_socket();
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    ASSERT_EQ(::listen(listener.get(), 1), 0);
    ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
    const auto client = new_socket();
    EXPECT_EQ(connect_to(client.get(), address), 0);
    EXPECT_GE(base::UniqueFd(::accept(listener.get(), nullptr, nullptr)).get(), 0);
    EXPECT_EQ(::connect(-1, nullptr, 0), -1);
  });
}

TEST_F(DescriptorsTest, Poll_of_other_threads_passes_straight_on) {
  for (const char* name : {kSend, "somebody"}) {
    as(name, [] {
      int ends[2];
      ASSERT_EQ(::pipe(ends), 0);
      const base::UniqueFd reader(ends[0]);
      const base::UniqueFd writer(ends[1]);
      EXPECT_EQ(poll_of(reader.get(), POLLIN, 0), 0);
      ASSERT_EQ(::write(writer.get(), "x", 1), 1);
      EXPECT_EQ(poll_of(reader.get(), POLLIN, kForEver), POLLIN);
    });
  }
}

// ---- Descriptor numbers ----

TEST_F(DescriptorsTest, High_numbers_work) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 1U << 20U);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_cur < 8193) GTEST_SKIP() << "this process may not have descriptors over 8,191";
  const int highest = static_cast<int>(limit.rlim_cur) - 1;
  as("somebody", [&] {
    make_connected();
    const base::UniqueFd fd(::dup2(new_socket().get(), highest));
    ASSERT_EQ(fd.get(), highest);
    auto uri = descriptors_.offer(channel_, true);
    ASSERT_EQ(connect_to(fd.get(), address_of(uri.value())), 0);
    EXPECT_EQ(writev_of(fd.get(), bytes::packet(0xC0, "")), 2);
    EXPECT_EQ(script_->take_output(), bytes::packet(0xC0, ""));
    script_->comes(bytes::pingresp());
    look_at(fd.get());
    EXPECT_EQ(poll_of(fd.get(), POLLIN, kForEver), POLLIN);
    char buffer[8];
    EXPECT_EQ(::recv(fd.get(), buffer, sizeof buffer, 0), 2);
  });
  EXPECT_TRUE(channel_->ended()) << "it was closed";
}

TEST_F(DescriptorsTest, Numbers_that_share_a_slot_are_apart) {
  const auto socket = connected();
  const int fd = socket.get();
  for (const int foreign : {fd + 4096, fd + 8192, fd + (1 << 20), -1, INT_MAX, INT_MIN}) {
    EXPECT_EQ(descriptors_.find(foreign), nullptr);
    EXPECT_FALSE(descriptors_.closed(foreign));
  }
  EXPECT_EQ(descriptors_.find(fd), channel_);
}

// ---- The end ----

/// Waits as the receive thread does between two packets.
void wait_as_paho() {
  as(kReceive, [] { ::poll(nullptr, 0, 0); });
}

TEST_F(DescriptorsTest, Close_ends_the_channel_and_the_number_is_foreign_again) {
  wait_as_paho();  // frees the descriptor numbers of earlier tests
  auto socket = connected();
  const int number = socket.get();
  const auto before = stand_in_calls().close;
  socket = base::UniqueFd();
  EXPECT_EQ(stand_in_calls().close, before + 1);
  EXPECT_TRUE(channel_->ended());
  EXPECT_TRUE(script_->said_goodbye());
  EXPECT_EQ(descriptors_.find(number), nullptr);

  wait_as_paho();
  const auto reused = new_socket();
  ASSERT_EQ(reused.get(), number);
  char buffer[8];
  EXPECT_EQ(::recv(reused.get(), buffer, sizeof buffer, 0), -1);
  EXPECT_EQ(errno, ENOTCONN);
  EXPECT_FALSE(descriptors_.closed(number));
}

// The receive thread may hold a packet for that number, and would give it to the next connection
// with that number.
TEST_F(DescriptorsTest, Number_is_not_used_again_until_the_receive_thread_waits) {
  for (const bool shuts_first : {false, true}) {
    auto socket = connected();
    const int number = socket.get();
    if (shuts_first) ::shutdown(number, SHUT_WR);
    socket = base::UniqueFd();
    EXPECT_NE(new_socket().get(), number);
    wait_as_paho();
    EXPECT_EQ(::fcntl(number, F_GETFD), -1);
  }
}

TEST_F(DescriptorsTest, Number_is_free_again_when_the_receive_thread_has_no_socket_to_wait_for) {
  auto socket = connected();
  const int number = socket.get();
  socket = base::UniqueFd();
  as(kReceive, [] { ::usleep(1000); });
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
}

TEST_F(DescriptorsTest, Shutdown_ends_the_channel_too) {
  const auto socket = connected();
  const auto before = stand_in_calls().close;
  EXPECT_EQ(::shutdown(socket.get(), SHUT_WR), -1);
  EXPECT_EQ(errno, ENOTCONN) << "as the kernel sees it";
  EXPECT_EQ(stand_in_calls().close, before + 1);
  EXPECT_TRUE(channel_->ended());
  EXPECT_EQ(descriptors_.find(socket.get()), nullptr);
}

TEST_F(DescriptorsTest, Bytes_that_pass_the_stand_ins_by_reach_nobody) {
  const auto socket = connected();
  EXPECT_EQ(::send(socket.get(), "x", 1, MSG_NOSIGNAL), -1);
  char byte = 0;
  EXPECT_EQ(::read(socket.get(), &byte, 1), -1);
  EXPECT_EQ(errno, ENOTCONN);
  EXPECT_EQ(script_->take_output(), "");
}

TEST_F(DescriptorsTest, Paho_learns_of_the_end_by_reading) {
  as(kReceive, [&] {
    const auto socket = connected();
    look_at(socket.get());
    script_->ends(Outcome::kClosed);
    EXPECT_EQ(poll_of(socket.get(), POLLIN, kForEver), POLLIN);
    char byte = 0;
    EXPECT_EQ(::recv(socket.get(), &byte, 1, 0), 0);
    EXPECT_EQ(end().ending, Channel::Ending::kStreamClosed);
  });
}

}  // namespace
}  // namespace dapr_mqtt::mqtt
