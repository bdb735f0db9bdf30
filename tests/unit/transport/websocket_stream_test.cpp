#include "transport/websocket_stream.h"

#include <gmock/gmock.h>

#include "websocket_peer.h"
#include "wire.h"

namespace dapr_mqtt::transport {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using Outcome = IoResult::Outcome;
using testing::client_frames;
using testing::frame;
using testing::frame_head;
using testing::read_all;
using testing::Wire;
using testing::WireStream;

std::string pattern(std::size_t size, unsigned seed) {
  std::string out(size, '\0');
  for (char& c : out) c = static_cast<char>((seed = seed * 1664525U + 1013904223U) >> 24U);
  return out;
}

/// A stream, and the wire below it.
struct End {
  explicit End(std::string received = {})
      : stream(std::make_unique<WireStream>(wire), std::move(received)) {}
  std::shared_ptr<Wire> wire = std::make_shared<Wire>();
  WebSocketStream stream;
};

TEST(WebSocketStream, Frames_in_pieces_of_every_size_are_one_stream_of_bytes) {
  // Packets across frames, several in one, a fragmented message (MQTT-6.0.0-2).
  const std::string bytes = pattern(1000, 7);
  const std::string input = frame(testing::kBinary, bytes.substr(0, 1)) +
                            frame(testing::kBinary, bytes.substr(1, 200), false) +
                            frame(testing::kContinuation, bytes.substr(201, 300)) +
                            frame(testing::kBinary, "") +
                            frame(testing::kBinary, bytes.substr(501));
  for (std::size_t piece = 1; piece <= input.size(); piece = piece < 20 ? piece + 1 : piece * 2) {
    for (const std::size_t buffer : {1U, 7U, 4096U}) {
      End end;
      end.wire->to_read = input;
      end.wire->piece = piece;
      EXPECT_TRUE(read_all(end.stream, buffer).bytes == bytes) << piece << " " << buffer;
    }
  }
}

TEST(WebSocketStream, What_came_behind_the_http_head_is_read_first) {
  End end(frame(testing::kBinary, "first") + frame_head(0x82, 6) + "sec");
  end.wire->to_read = "ond" + frame(testing::kBinary, "!");
  EXPECT_TRUE(end.stream.has_buffered_input());
  EXPECT_EQ(read_all(end.stream, 3).bytes, "firstsecond!");
  EXPECT_FALSE(end.stream.has_buffered_input());
}

TEST(WebSocketStream, Input_that_is_left_is_buffered_input) {
  End end;
  end.wire->to_read = frame(testing::kBinary, "ab") + frame(testing::kBinary, "c");
  EXPECT_FALSE(end.stream.has_buffered_input());
  char one = 0;
  for (const char expected : {'a', 'b', 'c'}) {
    EXPECT_EQ(end.stream.read(&one, 1).outcome, Outcome::kDone);
    EXPECT_EQ(one, expected);
    if (expected != 'c') {
      EXPECT_TRUE(end.stream.has_buffered_input());
    }
  }
  EXPECT_EQ(end.stream.read(&one, 1).outcome, Outcome::kWouldBlock);
  EXPECT_FALSE(end.stream.has_buffered_input());
}

// In Paho, the frames of different connections were mixed up in one global buffer.
TEST(WebSocketStream, Large_messages_on_two_streams_at_once_stay_apart) {
  constexpr std::size_t kMiB = 1U << 20U;
  const std::string bytes[2] = {pattern(kMiB, 1), pattern(kMiB, 2)};
  End ends[2];
  std::string got[2];
  for (int i = 0; i < 2; ++i) {
    ends[i].wire->to_read = frame(testing::kBinary, bytes[i]);
    ends[i].wire->piece = 3000;
  }
  std::string buffer(5000, '\0');
  std::size_t sent[2] = {0, 0};
  while (got[0].size() < kMiB || got[1].size() < kMiB || sent[0] < kMiB || sent[1] < kMiB) {
    for (int i = 0; i < 2; ++i) {
      const IoResult in = ends[i].stream.read(buffer.data(), buffer.size());
      got[i].append(buffer, 0, in.bytes);
      ends[i].wire->window = 2999;  // so frames are sent in parts too
      const IoResult out =
          ends[i].stream.write(bytes[i].data() + sent[i], bytes[i].size() - sent[i]);
      ASSERT_NE(out.outcome, Outcome::kFailed);
      sent[i] += out.bytes;
    }
  }
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(got[i] == bytes[i]);
    ends[i].wire->window = SIZE_MAX;
    EXPECT_EQ(ends[i].stream.flush().outcome, Outcome::kDone);
    std::string back;
    for (const auto& sent_frame : client_frames(ends[i].wire->written)) {
      EXPECT_LE(sent_frame.payload.size(), 64U * 1024U);
      back += sent_frame.payload;
    }
    EXPECT_TRUE(back == bytes[i]);
  }
}

TEST(WebSocketStream, Taken_bytes_that_cannot_leave_yet_want_to_be_written) {
  End end;
  end.wire->window = 3;
  EXPECT_EQ(end.stream.write("hello", 5).bytes, 5U);
  EXPECT_TRUE(end.stream.wants_write());
  EXPECT_EQ(end.stream.write("world", 5).outcome, Outcome::kWouldBlock);
  end.wire->window = SIZE_MAX;
  EXPECT_EQ(end.stream.flush().outcome, Outcome::kDone);
  EXPECT_FALSE(end.stream.wants_write());
  const auto frames = client_frames(end.wire->written);
  ASSERT_THAT(frames, SizeIs(1));
  EXPECT_EQ(frames[0].opcode, testing::kBinary);
  EXPECT_EQ(frames[0].payload, "hello");
}

TEST(WebSocketStream, Ping_is_answered_with_its_payload) {
  End end;
  end.wire->to_read = frame(testing::kPing, "are you there") + frame(testing::kPong, "unasked");
  EXPECT_EQ(read_all(end.stream).bytes, "");
  const auto frames = client_frames(end.wire->written);
  ASSERT_THAT(frames, SizeIs(1));
  EXPECT_EQ(frames[0].opcode, testing::kPong);
  EXPECT_TRUE(frames[0].masked);
  EXPECT_EQ(frames[0].payload, "are you there");
}

TEST(WebSocketStream, Many_pings_that_cannot_be_answered_cost_no_memory) {
  End end;
  end.wire->window = 2;  // in the middle of a frame
  EXPECT_EQ(end.stream.write("x", 1).bytes, 1U);
  for (int i = 0; i < 10'000; ++i) end.wire->to_read += frame(testing::kPing, std::to_string(i));
  EXPECT_EQ(read_all(end.stream).bytes, "");
  EXPECT_TRUE(end.stream.wants_write());
  end.wire->window = SIZE_MAX;
  EXPECT_EQ(end.stream.flush().outcome, Outcome::kDone);
  const auto frames = client_frames(end.wire->written);
  ASSERT_THAT(frames, SizeIs(2));  // the frame that was begun, and the pong for the last ping
  EXPECT_EQ(frames[0].payload, "x");
  EXPECT_EQ(frames[1].payload, "9999");
}

TEST(WebSocketStream, Close_is_answered_and_reported_with_its_reason) {
  End end;
  end.wire->to_read = frame(testing::kBinary, "last") + frame(testing::kClose, "\x03\xf0stop");
  const auto all = read_all(end.stream);
  EXPECT_EQ(all.bytes, "last");
  EXPECT_EQ(all.last.outcome, Outcome::kClosed);
  EXPECT_THAT(all.last.status.message(), HasSubstr("code 1008: \"stop\""));
  const auto frames = client_frames(end.wire->written);
  ASSERT_THAT(frames, SizeIs(1));
  EXPECT_EQ(frames[0].opcode, testing::kClose);
  EXPECT_EQ(frames[0].payload, "\x03\xf0");
  EXPECT_EQ(end.stream.write("x", 1).outcome, Outcome::kFailed);
  EXPECT_FALSE(end.stream.has_buffered_input());
}

TEST(WebSocketStream, End_without_close_frame_is_closed) {
  End end;
  end.wire->to_read = frame(testing::kBinary, "x");
  end.wire->ended = true;
  const auto all = read_all(end.stream);
  EXPECT_EQ(all.bytes, "x");
  EXPECT_EQ(all.last.outcome, Outcome::kClosed);
}

TEST(WebSocketStream, Malformed_frame_fails_after_what_was_good) {
  End end;
  end.wire->to_read = frame(testing::kBinary, "good") + frame(testing::kText, "bad");
  const auto all = read_all(end.stream);
  EXPECT_EQ(all.bytes, "good");
  EXPECT_EQ(all.last.outcome, Outcome::kFailed);
  EXPECT_THAT(all.last.status.message(), HasSubstr("text frame"));
  EXPECT_EQ(end.stream.read(nullptr, 0).outcome, Outcome::kFailed);
  const auto frames = client_frames(end.wire->written);
  ASSERT_THAT(frames, SizeIs(1));
  EXPECT_EQ(frames[0].payload, "\x03\xea");  // 1002, protocol error
}

TEST(WebSocketStream, Failure_below_is_its_own) {
  End end;
  end.wire->broken = base::unavailable("the connection broke: test");
  const auto all = read_all(end.stream);
  EXPECT_EQ(all.last.outcome, Outcome::kFailed);
  EXPECT_EQ(all.last.status.message(), "the connection broke: test");
}

TEST(WebSocketStream, Shut_down_says_goodbye_once) {
  End end;
  end.stream.shut_down();
  end.stream.shut_down();
  const auto frames = client_frames(end.wire->written);
  ASSERT_THAT(frames, SizeIs(1));
  EXPECT_EQ(frames[0].opcode, testing::kClose);
  EXPECT_EQ(frames[0].payload, "\x03\xe8");
  EXPECT_TRUE(end.wire->shut_down);
}

}  // namespace
}  // namespace dapr_mqtt::transport
