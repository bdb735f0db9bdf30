#include "mqtt/paho_sockets.h"

#include <gmock/gmock.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "dapr_mqtt/base/unique_fd.h"
#include "mqtt/before_acknowledging.h"
#include "unit/mqtt/as_paho.h"

namespace dapr_mqtt::mqtt::shims {
namespace {

using ::testing::ElementsAre;
using testing::as;
using testing::kReceive;
using testing::kSend;

/// A connection of Paho's, and the broker's end of it.
struct Connection {
  Connection() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    ours.reset(ends[0]);
    broker.reset(ends[1]);
    sockets::opened(ours.get());
  }
  ~Connection() { sockets::closing(ours.get()); }

  void broker_sends(const std::string& text) const {
    EXPECT_EQ(::send(broker.get(), text.data(), text.size(), 0),
              static_cast<ssize_t>(text.size()));
  }
  /// All that has come so far.
  std::string broker_has() const {
    std::string all;
    char buffer[65'536];
    for (ssize_t n = 1; n > 0;) {
      n = ::recv(broker.get(), buffer, sizeof buffer, 0);
      if (n > 0) all.append(buffer, static_cast<std::size_t>(n));
    }
    return all;
  }
  std::string read(std::size_t size) const {
    std::string text(size, '\0');
    const ssize_t n = ::recv(ours.get(), text.data(), size, 0);
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return text;
  }
  ssize_t write(std::string text) const {
    const iovec part{text.data(), text.size()};
    return ::writev(ours.get(), &part, 1);
  }

  base::UniqueFd ours;
  base::UniqueFd broker;
};

/// Says what the broker had when it was its turn.
class Witness final : public BeforeAcknowledging {
 public:
  explicit Witness(const Connection& connection) : connection_(connection) {}
  ~Witness() override { forget(*this); }
  bool secure() noexcept override {
    broker_had.push_back(connection_.broker_has());
    return succeeds;
  }

  std::vector<std::string> broker_had;
  bool succeeds = true;

 private:
  const Connection& connection_;
};

/// On the receive thread: a message has come that cannot be made safe.
void receive_unsafe(const Connection& connection, Witness& witness) {
  witness.succeeds = false;
  connection.broker_sends("message");
  EXPECT_EQ(connection.read(7), "message");
  do_before_acknowledging(witness);
}

/// What Paho's receive thread does between two packets: both of its calls of poll().
std::vector<bool> readable(const std::vector<const Connection*>& connections, int timeout_ms = 1) {
  std::vector<pollfd> write;
  std::vector<pollfd> read;
  for (const Connection* c : connections) {
    write.push_back({c->ours.get(), POLLOUT, 0});
    read.push_back({c->ours.get(), POLLIN, 0});
  }
  ::poll(write.data(), write.size(), 0);
  ::poll(read.data(), read.size(), timeout_ms);
  std::vector<bool> out;
  for (std::size_t i = 0; i < read.size(); ++i) {
    out.push_back((read[i].revents & POLLIN) != 0 && (write[i].revents & POLLOUT) != 0);
  }
  return out;
}
bool readable(const Connection& connection) { return readable({&connection}, 1)[0]; }

TEST(PahoSockets, What_is_there_is_read_at_once_and_handed_out_in_pieces) {
  as(kReceive, [] {
    const Connection c;
    c.broker_sends("abcdef");
    const auto before = sockets::reads_from_ahead();
    ASSERT_TRUE(readable(c));
    EXPECT_EQ(c.read(1), "a");
    EXPECT_EQ(c.read(2), "bc");
    ASSERT_TRUE(readable(c)) << "there is more, though the kernel has none";
    EXPECT_EQ(c.read(3), "def");
    EXPECT_EQ(sockets::reads_from_ahead(), before + 2);
    EXPECT_FALSE(readable(c));
    EXPECT_EQ(::recv(c.ours.get(), nullptr, 1, 0), -1);
    EXPECT_EQ(errno, EAGAIN);
  });
}

TEST(PahoSockets, Packet_that_goes_on_behind_what_was_read_comes_in_one_piece) {
  as(kReceive, [] {
    const Connection c;
    const std::string large(30'000, 'x');
    c.broker_sends("h");
    c.broker_sends(std::string(100, 'x'));
    EXPECT_EQ(c.read(1), "h");
    c.broker_sends(large);
    EXPECT_EQ(c.read(30'100).size(), 30'100U);
  });
}

TEST(PahoSockets, End_of_the_connection_is_told_after_what_came_before_it) {
  as(kReceive, [] {
    Connection c;
    c.broker_sends("last");
    EXPECT_EQ(c.read(1), "l");
    c.broker.reset();
    EXPECT_EQ(c.read(10), "ast");
    char byte = 0;
    EXPECT_EQ(::recv(c.ours.get(), &byte, 1, 0), 0);
  });
}

TEST(PahoSockets, What_was_read_ahead_goes_with_its_connection) {
  as(kReceive, [] {
    const Connection c;
    c.broker_sends("old");
    EXPECT_EQ(c.read(1), "o");
    ::shutdown(c.ours.get(), SHUT_RD);
    sockets::opened(c.ours.get());  // the number, for another connection
    EXPECT_EQ(c.read(2), "");
  });
}

TEST(PahoSockets, Flood_on_one_connection_does_not_hide_another) {
  as(kReceive, [] {
    const Connection flooded;
    const Connection other;
    flooded.broker_sends(std::string(10'000, 'x'));
    ASSERT_TRUE(readable(flooded));
    EXPECT_EQ(flooded.read(1), "x");
    other.broker_sends("y");
    int rounds = 0;
    while (!readable({&flooded, &other})[1] && rounds < 1000) {
      EXPECT_EQ(flooded.read(1), "x");
      ++rounds;
    }
    EXPECT_LT(rounds, 100);
  });
}

TEST(PahoSockets, Input_that_is_not_asked_for_stays_ready) {
  as(kReceive, [] {
    const Connection c;
    c.broker_sends("abc");
    EXPECT_EQ(c.read(1), "a");
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(readable(c));
    EXPECT_EQ(c.read(2), "bc");
  });
}

TEST(PahoSockets, Writes_go_out_together_when_the_receive_thread_waits) {
  as(kReceive, [] {
    const Connection c;
    for (const char* packet : {"one ", "two ", "three"}) EXPECT_GT(c.write(packet), 0);
    EXPECT_EQ(c.broker_has(), "");
    EXPECT_FALSE(readable(c));
    EXPECT_EQ(c.broker_has(), "one two three");
  });
}

TEST(PahoSockets, Writes_go_out_when_the_send_thread_waits) {
  as(kSend, [] {
    const Connection c;
    EXPECT_EQ(c.write("packet"), 6);
    EXPECT_EQ(c.broker_has(), "");
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;  // their addresses stay known
    static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
    const timespec past{};
    ::pthread_mutex_lock(&mutex);
    EXPECT_EQ(::pthread_cond_timedwait(&condition, &mutex, &past), ETIMEDOUT);
    ::pthread_mutex_unlock(&mutex);
    EXPECT_EQ(c.broker_has(), "packet");
  });
}

TEST(PahoSockets, Large_write_goes_out_at_once_behind_what_was_put_aside) {
  as(kSend, [] {
    const Connection c;
    const std::string large(20'000, 'x');
    EXPECT_GT(c.write("first "), 0);
    EXPECT_EQ(c.write(large), 20'000);
    EXPECT_EQ(c.broker_has(), "first " + large);
  });
}

TEST(PahoSockets, Many_small_writes_do_not_wait_for_the_last) {
  as(kSend, [] {
    const Connection c;
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(c.write(std::string(100, 'x')), 100);
    EXPECT_GT(c.broker_has().size(), 90'000U);
    sockets::flush();
  });
}

TEST(PahoSockets, What_was_put_aside_is_sent_before_the_connection_is_closed) {
  as(kSend, [] {
    const Connection c;
    EXPECT_GT(c.write("DISCONNECT"), 0);
    EXPECT_EQ(::shutdown(c.ours.get(), SHUT_WR), 0);
    EXPECT_EQ(c.broker_has(), "DISCONNECT");
  });
}

TEST(PahoSockets, Last_word_of_another_thread_goes_behind_what_was_put_aside) {
  const Connection c;
  Witness witness(c);
  as(kSend, [&] { EXPECT_GT(c.write("PUBLISH "), 0); });
  as(kReceive, [&] {
    do_before_acknowledging(witness);
    EXPECT_GT(c.write("PUBACK "), 0);
  });
  EXPECT_EQ(c.write("DISCONNECT"), 10);
  EXPECT_EQ(c.broker_has(), "PUBLISH PUBACK DISCONNECT");
  EXPECT_THAT(witness.broker_had, ElementsAre(""));
}

TEST(PahoSockets, Other_threads_and_other_sockets_are_passed_straight_on) {
  const Connection c;
  c.broker_sends("ab");
  EXPECT_EQ(c.read(1), "a");
  EXPECT_EQ(c.write("at once"), 7);
  EXPECT_EQ(c.broker_has(), "at once");
  as(kSend, [] {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    Connection other;
    sockets::closing(other.ours.get());
    EXPECT_EQ(other.write("too"), 3);
    EXPECT_EQ(other.broker_has(), "too");
    const base::UniqueFd one(ends[0]);
    const base::UniqueFd two(ends[1]);
  });
}

TEST(PahoSockets, Broker_that_reads_nothing_holds_up_and_gets_all_in_order_later) {
  as(kSend, [] {
    const Connection c;
    std::string written;
    for (int i = 0; i < 1'000'000; ++i) {
      const std::string packet = std::to_string(i) + " ";
      if (c.write(packet) < 0) break;
      written += packet;
    }
    ASSERT_EQ(errno, EAGAIN);
    EXPECT_EQ(c.write("x"), -1) << "Paho waits until it can be written to";
    std::string got;
    as(kReceive, [&] {
      EXPECT_FALSE(readable(c));
      for (int i = 0; i < 10'000 && got.size() < written.size(); ++i) {
        got += c.broker_has();
        static_cast<void>(readable(c));
      }
    });
    EXPECT_EQ(got, written);
    EXPECT_EQ(c.write("goes on"), 7);
    sockets::flush();
    EXPECT_EQ(c.broker_has(), "goes on");
  });
}

TEST(PahoSockets, Acknowledgements_go_out_after_what_must_be_done_before_them) {
  as(kReceive, [] {
    const Connection c;
    Witness witness(c);
    for (int i = 0; i < 3; ++i) {
      do_before_acknowledging(witness);
      EXPECT_GT(c.write("ack "), 0);
    }
    EXPECT_FALSE(readable(c));
    EXPECT_THAT(witness.broker_had, ElementsAre(""));
    EXPECT_EQ(c.broker_has(), "ack ack ack ");
    EXPECT_FALSE(readable(c));
    EXPECT_EQ(witness.broker_had.size(), 1U) << "once for all of them";
  });
}

TEST(PahoSockets, Acknowledgements_do_not_go_out_with_what_the_send_thread_writes) {
  as(kReceive, [] {
    const Connection c;
    Witness witness(c);
    do_before_acknowledging(witness);
    EXPECT_GT(c.write("ack "), 0);
    as(kSend, [&] {
      EXPECT_EQ(c.write("SUBSCRIBE "), 10);
      for (int i = 0; i < 200; ++i) EXPECT_EQ(c.write(std::string(100, 'x')), 100);
      sockets::flush();
    });
    EXPECT_EQ(c.broker_has(), "");
    sockets::flush();
    EXPECT_THAT(witness.broker_had, ElementsAre(""));
    EXPECT_EQ(c.broker_has().substr(0, 14), "ack SUBSCRIBE ");
  });
}

TEST(PahoSockets, Many_acknowledgements_are_sent_in_between_and_none_too_early) {
  as(kReceive, [] {
    const Connection c;
    Witness witness(c);
    std::string got;
    for (int i = 0; i < 1000; ++i) {
      do_before_acknowledging(witness);
      EXPECT_EQ(c.write(std::string(20, 'a')), 20);
      const std::size_t rounds = witness.broker_had.size();
      const std::string now = c.broker_has();
      EXPECT_TRUE(now.empty() || rounds >= 1);
      got += now;
    }
    EXPECT_GE(witness.broker_had.size(), 2U);
    for (const std::string& had : witness.broker_had) EXPECT_EQ(had, "");
    EXPECT_GT(got.size(), 10'000U);
    sockets::flush();
  });
}

TEST(PahoSockets, Closing_does_what_comes_before_acknowledging_on_any_thread) {
  as(kReceive, [] {
    const Connection c;
    Witness witness(c);
    do_before_acknowledging(witness);
    EXPECT_GT(c.write("ack"), 0);
    std::thread([&] { ::shutdown(c.ours.get(), SHUT_WR); }).join();
    EXPECT_THAT(witness.broker_had, ElementsAre(""));
    EXPECT_EQ(c.broker_has(), "ack");
  });
}

TEST(PahoSockets, Acknowledgement_by_tls_goes_out_at_once_and_so_what_comes_before_it_is_done) {
  as(kReceive, [] {
    const Connection c;
    Witness witness(c);
    SSL_CTX* context = ::SSL_CTX_new(TLS_client_method());
    SSL* tls = ::SSL_new(context);
    do_before_acknowledging(witness);
    EXPECT_LT(::SSL_write(tls, "ack", 3), 0) << "it is not connected";
    EXPECT_EQ(witness.broker_had.size(), 1U);
    ::SSL_free(tls);
    ::SSL_CTX_free(context);
  });
}

TEST(PahoSockets, What_could_not_be_made_safe_is_never_acknowledged) {
  as(kReceive, [] {
    const Connection c;
    const Connection other;
    Witness witness(c);
    receive_unsafe(c, witness);
    EXPECT_EQ(c.write("ack "), 4);
    EXPECT_EQ(other.write("other's "), 8);
    EXPECT_EQ(readable({&c, &other}), (std::vector<bool>{false, false}));
    EXPECT_EQ(c.broker_has(), "");
    EXPECT_EQ(other.broker_has(), "other's ") << "it is not that one's message";
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(c.write(std::string(100, 'a')), 100) << "nor later";
    as(kSend, [&] {
      EXPECT_EQ(c.write("PINGREQ"), 7);
      sockets::flush();
    });
    sockets::flush();
    EXPECT_EQ(c.broker_has(), "");
    as("mqtt-consumer", [&] { EXPECT_EQ(c.write("DISCONNECT"), 10); });
    EXPECT_EQ(c.broker_has(), "DISCONNECT") << "the last word of another thread";
    ::shutdown(c.ours.get(), SHUT_RD);
    sockets::opened(c.ours.get());  // the number, for another connection
    EXPECT_EQ(c.write("CONNECT"), 7);
    sockets::flush();
    EXPECT_EQ(c.broker_has(), "CONNECT");
  });
}

TEST(PahoSockets, Many_acknowledgements_of_what_could_not_be_made_safe_are_dropped) {
  as(kReceive, [] {
    const Connection c;
    Witness witness(c);
    receive_unsafe(c, witness);
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(c.write(std::string(20, 'a')), 20);
    EXPECT_EQ(c.write(std::string(20'000, 'a')), 20'000);
    sockets::flush();
    EXPECT_THAT(witness.broker_had, ElementsAre("")) << "when a few KiB were together";
    EXPECT_EQ(c.broker_has(), "");
  });
}

TEST(PahoSockets, Closing_sends_no_acknowledgement_of_what_could_not_be_made_safe) {
  as(kReceive, [] {
    const Connection c;
    Witness witness(c);
    receive_unsafe(c, witness);
    EXPECT_EQ(c.write("ack"), 3);
    as("mqtt-consumer", [&] {
      EXPECT_EQ(c.write("DISCONNECT"), 10);
      ::shutdown(c.ours.get(), SHUT_WR);
    });
    EXPECT_EQ(c.broker_has(), "DISCONNECT");
  });
}

TEST(PahoSockets, What_could_not_be_made_safe_is_not_acknowledged_by_tls_either) {
  as(kReceive, [] {
    const Connection c;
    Witness witness(c);
    witness.succeeds = false;
    SSL_CTX* context = ::SSL_CTX_new(TLS_client_method());
    SSL* tls = ::SSL_new(context);
    ::SSL_set_fd(tls, c.ours.get());
    char byte = 0;
    EXPECT_LT(::SSL_read(tls, &byte, 1), 0) << "it is not connected";
    do_before_acknowledging(witness);
    EXPECT_EQ(::SSL_write(tls, "ack", 3), 3) << "Paho takes it for sent";
    EXPECT_EQ(witness.broker_had.size(), 1U);
    as(kSend, [&] { EXPECT_EQ(::SSL_write(tls, "PINGREQ", 7), 7); });
    EXPECT_EQ(c.broker_has(), "");
    as("mqtt-consumer", [&] { EXPECT_LT(::SSL_write(tls, "DISCONNECT", 10), 0); });
    ::SSL_free(tls);
    ::SSL_CTX_free(context);
  });
}

TEST(PahoSockets, What_is_forgotten_is_not_done) {
  as(kReceive, [] {
    const Connection c;
    Witness witness(c);
    do_before_acknowledging(witness);
    forget(witness);
    EXPECT_FALSE(readable(c));
    EXPECT_THAT(witness.broker_had, ElementsAre());
  });
}

}  // namespace
}  // namespace dapr_mqtt::mqtt::shims
