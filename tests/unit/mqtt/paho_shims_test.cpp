#include "mqtt/paho_shims.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <thread>

#include "dapr_mqtt/base/unique_fd.h"
#include "unit/mqtt/as_paho.h"

/// Paho's own (1.3.12), and ours in its place.
extern "C" pthread_t Thread_getid();

namespace dapr_mqtt::mqtt {
namespace {

using testing::as;
using testing::kReceive;
using testing::kSend;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

base::UniqueFd listener(sockaddr_in& address) {
  base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM, 0));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::listen(fd.get(), 1), 0);
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return fd;
}

timespec realtime_in(milliseconds delay) {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  time.tv_sec += delay.count() / 1000;
  return time;
}

TEST(PahoShims, Program_uses_them) { EXPECT_TRUE(shims::in_force()); }

TEST(PahoShims, Receive_threads_sleep_is_skipped_after_it_has_waited) {
  as(kReceive, [] {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const base::UniqueFd reader(ends[0]);
    const base::UniqueFd writer(ends[1]);
    pollfd wait{reader.get(), POLLIN, 0};
    ASSERT_EQ(::poll(&wait, 1, 1), 0);
    constexpr useconds_t kLongerThanATestMayTake = 600'000'000;
    ::usleep(kLongerThanATestMayTake);
  });
}

TEST(PahoShims, Receive_thread_does_not_spin_when_it_has_no_socket) {
  as(kReceive, [] {
    const auto before = steady_clock::now();
    for (int i = 0; i < 3; ++i) ::usleep(20'000);
    EXPECT_GE(steady_clock::now() - before, milliseconds(50));
  });
}

TEST(PahoShims, Other_threads_sleep_as_they_wish) {
  const auto before = steady_clock::now();
  ::usleep(20'000);
  EXPECT_GE(steady_clock::now() - before, milliseconds(19));
}

TEST(PahoShims, Hurry_ends_the_receive_threads_wait) {
  as(kReceive, [] {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const base::UniqueFd reader(ends[0]);
    const base::UniqueFd writer(ends[1]);
    pollfd wait{reader.get(), POLLIN, 0};
    std::thread other([] { const shims::Hurry hurry; });
    constexpr int kForEver = -1;
    EXPECT_EQ(::poll(&wait, 1, kForEver), 0);  // returns at all
    other.join();
    const shims::Hurry hurry;
    EXPECT_EQ(::poll(&wait, 1, kForEver), 0);  // its pace, again and again
    EXPECT_EQ(::poll(&wait, 1, kForEver), 0);
  });
}

TEST(PahoShims, Receive_threads_poll_reports_what_is_ready) {
  as(kReceive, [] {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const base::UniqueFd reader(ends[0]);
    const base::UniqueFd writer(ends[1]);
    ASSERT_EQ(::write(writer.get(), "x", 1), 1);
    pollfd wait[2] = {{reader.get(), POLLIN, 0}, {writer.get(), POLLIN, POLLIN}};
    EXPECT_EQ(::poll(wait, 2, 1000), 1);
    EXPECT_EQ(wait[0].revents, POLLIN);
    EXPECT_EQ(wait[1].revents, 0);
  });
}

struct Condition {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

  int wait(milliseconds patience) {
    const timespec until = realtime_in(patience);
    ::pthread_mutex_lock(&mutex);
    const int result = ::pthread_cond_timedwait(&condition, &mutex, &until);
    ::pthread_mutex_unlock(&mutex);
    return result;
  }
  void signal() {
    ::pthread_mutex_lock(&mutex);
    ::pthread_cond_signal(&condition);
    ::pthread_mutex_unlock(&mutex);
  }
};

TEST(PahoShims, Signal_given_while_the_send_thread_works_is_remembered) {
  static Condition paho;  // its address stays known
  as(kSend, [] {
    EXPECT_EQ(paho.wait(milliseconds(0)), ETIMEDOUT);  // learned
    const auto before = shims::counters().signals_remembered;
    paho.signal();
    EXPECT_EQ(paho.wait(std::chrono::hours(1)), 0);
    EXPECT_EQ(shims::counters().signals_remembered, before + 1);
    EXPECT_EQ(paho.wait(milliseconds(0)), ETIMEDOUT) << "one signal, one wake-up";
  });
}

TEST(PahoShims, Signal_that_ends_a_wait_is_not_counted_twice) {
  static Condition paho;
  as(kSend, [] {
    EXPECT_EQ(paho.wait(milliseconds(0)), ETIMEDOUT);
    std::thread other([] { paho.signal(); });
    EXPECT_EQ(paho.wait(std::chrono::hours(1)), 0);
    other.join();
    EXPECT_EQ(paho.wait(milliseconds(0)), ETIMEDOUT);
  });
}

TEST(PahoShims, Hurry_wakes_the_send_thread) {
  static Condition paho;
  as(kSend, [] {
    EXPECT_EQ(paho.wait(milliseconds(0)), ETIMEDOUT);
    const shims::Hurry hurry;
    EXPECT_EQ(paho.wait(std::chrono::hours(1)), 0);
  });
}

TEST(PahoShims, Send_thread_does_what_it_is_lent_while_it_waits_and_when_it_comes_to_wait) {
  static Condition paho;
  std::atomic<bool> waits{false};
  std::atomic<int> done{0};
  pthread_t number_in_work{};
  pthread_t own{};
  std::thread send([&] {
    pthread_setname_np(pthread_self(), kSend);
    own = Thread_getid();                            // as Paho's does when it begins
    EXPECT_EQ(paho.wait(milliseconds(0)), ETIMEDOUT);  // learned
    waits = true;
    while (done == 0) {
      EXPECT_EQ(paho.wait(std::chrono::hours(1)), 0);
    }
    // Lent while it was busy: no wait.
    EXPECT_TRUE(shims::send_thread().lend([&] { ++done; }));
    EXPECT_EQ(paho.wait(std::chrono::hours(1)), 0);
  });
  while (!waits) std::this_thread::yield();
  EXPECT_TRUE(shims::send_thread().lend([&] {
    EXPECT_TRUE(pthread_equal(pthread_self(), send.native_handle()));
    number_in_work = Thread_getid();
    paho.signal();  // Paho's calls do: its mutex is free
    ++done;
  }));
  send.join();
  EXPECT_EQ(done, 2);
  EXPECT_FALSE(pthread_equal(number_in_work, own)) << "Paho would take no lock";
}

TEST(PahoShims, Receive_thread_acknowledges_what_it_read_before_it_waits) {
  sockaddr_in address{};
  const base::UniqueFd server = listener(address);
  const base::UniqueFd client(::socket(AF_INET, SOCK_STREAM, 0));
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const base::UniqueFd accepted(::accept(server.get(), nullptr, nullptr));
  ASSERT_EQ(::write(client.get(), "x", 1), 1);
  as(kReceive, [&] {
    const auto before = shims::counters().acks_hastened;
    pollfd wait{accepted.get(), POLLIN, 0};
    ASSERT_EQ(::poll(&wait, 1, 30'000), 1);
    ASSERT_EQ(::poll(&wait, 1, 30'000), 1);  // not read yet: no wait
    EXPECT_EQ(shims::counters().acks_hastened, before);
    char byte = 0;
    ASSERT_EQ(::read(accepted.get(), &byte, 1), 1);
    EXPECT_EQ(::poll(&wait, 1, 1), 0);
    EXPECT_EQ(shims::counters().acks_hastened, before + 1);
    EXPECT_EQ(::poll(&wait, 1, 1), 0);
    EXPECT_EQ(shims::counters().acks_hastened, before + 1) << "once for what was read";
  });
}

TEST(PahoShims, Conditions_of_other_threads_forget_as_ever) {
  Condition own;
  own.signal();
  EXPECT_EQ(own.wait(milliseconds(0)), ETIMEDOUT);
}

TEST(PahoShims, Send_threads_connections_do_without_delay) {
  sockaddr_in address{};
  const base::UniqueFd server = listener(address);
  const auto nodelay_when_connected_by = [&](const char* thread_name) {
    int value = -1;
    as(thread_name, [&] {
      const base::UniqueFd client(::socket(AF_INET, SOCK_STREAM, 0));
      ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
      socklen_t size = sizeof value;
      ::getsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &value, &size);
    });
    return value != 0;
  };
  EXPECT_TRUE(nodelay_when_connected_by(kSend));
  EXPECT_FALSE(nodelay_when_connected_by("somebody"));
}

std::string first_address(const char* host) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host, nullptr, &hints, &found) != 0) return {};
  char text[NI_MAXHOST] = {};
  ::getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
  ::freeaddrinfo(found);
  return text;
}

TEST(PahoShims, Pinned_address_is_what_the_send_thread_finds) {
  const auto found_by = [](const char* thread_name) {
    std::string address;
    as(thread_name, [&] { address = first_address("pinned.invalid"); });
    return address;
  };
  {
    const shims::PinnedAddress older("pinned.invalid", "192.0.2.1");
    const shims::PinnedAddress newer("pinned.invalid", "192.0.2.2");
    EXPECT_EQ(found_by(kSend), "192.0.2.2");
    EXPECT_EQ(found_by("somebody"), "");
  }
  EXPECT_EQ(found_by(kSend), "");
}

TEST(PahoShims, Proxy_of_the_environment_is_hidden_from_the_send_thread_only) {
  ::setenv("http_proxy", "http://proxy.invalid", 1);
  EXPECT_STREQ(::getenv("http_proxy"), "http://proxy.invalid");
  as(kSend, [] {
    EXPECT_EQ(::getenv("http_proxy"), nullptr);
    EXPECT_NE(::getenv("PATH"), nullptr);
  });
  ::unsetenv("http_proxy");
  EXPECT_EQ(::getenv("http_proxy"), nullptr);
  EXPECT_EQ(::getenv("PAT"), nullptr) << "not by its beginning";
}

}  // namespace
}  // namespace dapr_mqtt::mqtt
