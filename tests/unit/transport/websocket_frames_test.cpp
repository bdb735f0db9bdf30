#include "transport/websocket_frames.h"

#include <gmock/gmock.h>

#include <set>

#include "websocket_peer.h"

namespace dapr_mqtt::transport {
namespace {

using ::testing::HasSubstr;
using Kind = FrameEvent::Kind;
using testing::frame;
using testing::frame_head;

/// The first event that is not kData.
FrameEvent after_data(FrameReader& reader, std::string_view input, std::string* data = nullptr) {
  for (;;) {
    FrameEvent event = reader.next(input);
    if (event.kind != Kind::kData) return event;
    if (data != nullptr) *data += event.data;
  }
}

std::string why_malformed(const std::string& bytes) {
  FrameReader reader;
  const FrameEvent event = after_data(reader, bytes);
  EXPECT_EQ(event.kind, Kind::kMalformed);
  return event.status.message();
}

TEST(FrameReader, Frames_of_all_length_forms_come_through) {
  for (const std::size_t size : {0U, 1U, 125U, 126U, 65535U, 65536U, 300000U}) {
    FrameReader reader;
    std::string payload(size, '\0');
    for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<char>(i * 31);
    std::string data;
    EXPECT_EQ(after_data(reader, frame(testing::kBinary, payload), &data).kind, Kind::kNeedsInput);
    EXPECT_TRUE(data == payload) << size;
  }
}

TEST(FrameReader, Fragmented_message_with_a_ping_inside_is_one_stream) {
  FrameReader reader;
  std::string data;
  const std::string input = frame(testing::kBinary, "ab", false) + frame(testing::kPing, "?") +
                            frame(testing::kContinuation, "", false) +
                            frame(testing::kContinuation, "cd") + frame(testing::kBinary, "e");
  std::string_view left = input;
  int pings = 0;
  for (FrameEvent event = reader.next(left); event.kind != Kind::kNeedsInput;
       event = reader.next(left)) {
    ASSERT_NE(event.kind, Kind::kMalformed);
    if (event.kind == Kind::kPing) {
      ++pings;
      EXPECT_EQ(event.data, "?");
    } else {
      data += event.data;
    }
  }
  EXPECT_EQ(data, "abcde");
  EXPECT_EQ(pings, 1);
}

TEST(FrameReader, Close_has_code_and_reason) {
  FrameReader reader;
  FrameEvent event = after_data(reader, frame(testing::kClose, "\x03\xf0why"));
  EXPECT_EQ(event.kind, Kind::kClose);
  EXPECT_EQ(event.code, 1008);
  EXPECT_EQ(event.data, "why");
  FrameReader other;
  event = after_data(other, frame(testing::kClose, ""));
  EXPECT_EQ(event.kind, Kind::kClose);
  EXPECT_EQ(event.code, 0);
}

TEST(FrameReader, Text_frame_is_rejected) {
  EXPECT_THAT(why_malformed(frame(testing::kText, "hi")), HasSubstr("MQTT-6.0.0-1"));
}

TEST(FrameReader, Malformed_frames_are_named) {
  EXPECT_THAT(why_malformed(frame_head(0xC2, 1) + "x"), HasSubstr("reserved bits"));
  EXPECT_THAT(why_malformed(frame_head(0x83, 1) + "x"), HasSubstr("opcode 3"));
  EXPECT_THAT(why_malformed(frame_head(0x8B, 0)), HasSubstr("opcode 11"));
  EXPECT_THAT(why_malformed(frame(testing::kContinuation, "x")), HasSubstr("continues no message"));
  EXPECT_THAT(why_malformed(frame(testing::kBinary, "a", false) + frame(testing::kBinary, "b")),
              HasSubstr("inside another"));
  EXPECT_THAT(why_malformed(std::string("\x82\x81MASKx", 7)), HasSubstr("mask"));
  // A control frame that is too long, or in fragments (RFC 6455 section 5.5).
  EXPECT_THAT(why_malformed(frame(testing::kPing, std::string(126, 'p'))),
              HasSubstr("control frame"));
  EXPECT_THAT(why_malformed(frame(testing::kPing, "p", false)), HasSubstr("control frame"));
  // Lengths in a longer form than needed, or beyond 2^63 (section 5.2).
  EXPECT_THAT(why_malformed(std::string("\x82\x7e\x00\x05", 4)), HasSubstr("length"));
  EXPECT_THAT(why_malformed(std::string("\x82\x7f\x80\0\0\0\0\0\0\0", 10)), HasSubstr("length"));
  EXPECT_THAT(why_malformed(frame(testing::kClose, "x")), HasSubstr("half a code"));
  EXPECT_THAT(why_malformed(frame(testing::kClose, "\x03\xed")), HasSubstr("code 1005"));
}

TEST(FrameWriter, Frames_are_masked_each_with_its_own_mask) {
  FrameWriter writer;
  std::string out;
  constexpr int kFrames = 1000;
  for (int i = 0; i < kFrames; ++i)
    ASSERT_TRUE(writer.append(WSLAY_BINARY_FRAME, "payload", out).ok());
  const auto frames = testing::client_frames(out);
  ASSERT_EQ(frames.size(), static_cast<std::size_t>(kFrames));
  std::set<std::string> masks;
  for (const auto& sent : frames) {
    EXPECT_TRUE(sent.masked && sent.fin);
    EXPECT_EQ(sent.payload, "payload");
    masks.insert(sent.mask);
  }
  // 32 random bits: a few equal ones in a thousand are possible, many are not.
  EXPECT_GT(masks.size(), 990U);
}

}  // namespace
}  // namespace dapr_mqtt::transport
