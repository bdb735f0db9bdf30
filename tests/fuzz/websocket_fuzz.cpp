// Any bytes of a WebSocket server: the answer to the upgrade, then frames. How they are cut into
// pieces changes nothing, and nothing crashes.
// The first byte says whether the input begins with an answer (odd) or right after a good answer
// (even), and how large the pieces are.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "fuzz/seeds.h"
#include "transport/websocket_handshake.h"
#include "transport/websocket_stream.h"
#include "unit/transport/wire.h"

namespace {

using dapr_mqtt::testing::Wire;
using dapr_mqtt::testing::WireStream;
using dapr_mqtt::transport::accept_value;
using dapr_mqtt::transport::IoResult;
using dapr_mqtt::transport::UpgradeResponse;
using dapr_mqtt::transport::WebSocketStream;
using Outcome = IoResult::Outcome;

constexpr const char* kKey = "dGhlIHNhbXBsZSBub25jZQ==";

std::string good_answer() {
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: " +
         accept_value(kKey) + "\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";
}

struct Seen {
  bool open = false;
  std::string bytes;
  Outcome end = Outcome::kWouldBlock;
  std::string text;  ///< of the failure
  bool operator==(const Seen&) const = default;
};

Seen receive(std::string_view input, std::size_t piece, std::size_t buffer_size) {
  Seen seen;
  UpgradeResponse response(kKey);
  bool decided = false;
  while (!decided && !input.empty()) {
    decided = response.feed(input.substr(0, piece));
    input.remove_prefix(std::min(piece, input.size()));
  }
  seen.text = response.status().message();
  seen.open = decided && response.status().ok();
  if (!seen.open) return seen;

  const auto wire = std::make_shared<Wire>();
  wire->to_read = input;
  wire->piece = piece;
  wire->ended = true;  // so that reading ends
  WebSocketStream stream(std::make_unique<WireStream>(wire), response.take_rest());
  std::string buffer(buffer_size, '\0');
  for (;;) {
    const IoResult got = stream.read(buffer.data(), buffer.size());
    seen.bytes.append(buffer, 0, got.bytes);
    if (got.outcome == Outcome::kDone || got.outcome == Outcome::kWouldBlock) continue;
    seen.end = got.outcome;
    seen.text = got.status.message();
    return seen;
  }
}

}  // namespace

std::vector<std::string> dapr_mqtt::fuzz::seeds() {
  using namespace std::string_literals;
  std::vector<std::string> all = {"\1"s + good_answer() + "\x82\x02\xd0\0"s,
                                  "\1HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"s};
  for (const std::string& frames :
       {"\x82\5hello"s, "\2\3hel\x80\2lo"s, "\x89\2hi\x82\1x"s, "\x88\2\3\xe8"s, "\x81\2hi"s,
        "\x82\x7e\1\0"s + std::string(256, 'x'), "\x82\x7f\0\0\0\0\0\1\0\0"s, "\xf2\1x"s}) {
    all.push_back("\0"s + frames);
    all.push_back("\x12"s + frames);
  }
  return all;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned first = data[0];
  const std::string input = (first % 2 == 0 ? good_answer() : std::string()) +
                            std::string(reinterpret_cast<const char*>(data + 1), size - 1);
  const Seen whole = receive(input, SIZE_MAX, 4096);
  const Seen pieces = receive(input, 1 + first / 2 % 64, 1 + first / 2 % 17);
  if (whole == pieces) return 0;
  std::fprintf(stderr, "whole: \"%s\", in pieces: \"%s\"\n", whole.text.c_str(),
               pieces.text.c_str());
  std::abort();
}
