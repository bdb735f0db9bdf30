// Any answer of an HTTP or SOCKS5 proxy: how it is cut into pieces changes nothing, an error names
// the proxy, and the bytes after a good answer are left for TLS or MQTT.
// The first byte: the kind of proxy, whether we have a login for it, how large the pieces are.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "fuzz/input.h"
#include "fuzz/require.h"
#include "fuzz/seeds.h"
#include "transport/proxy_connect.h"
#include "unit/transport/wire.h"

namespace {

using namespace dapr_mqtt;
using fuzz::require;

struct Seen {
  bool passed = false;
  base::ErrorKind kind = base::ErrorKind::kOk;
  std::string text;
  std::string rest;
  bool operator==(const Seen&) const = default;
};

Seen answered(std::string_view answer, std::size_t piece, bool socks, bool login) {
  static const transport::Cancel cancel;
  core::Proxy proxy;
  proxy.kind = socks ? core::Proxy::Kind::kSocks5 : core::Proxy::Kind::kHttp;
  proxy.host = "proxy.example";
  proxy.port = 1080;
  if (login) {
    proxy.username = "me";
    proxy.password = base::Secret("hush-hush");
  }
  const auto wire = std::make_shared<testing::Wire>();
  wire->to_read = answer;
  wire->piece = piece;
  wire->ended = true;
  auto stream = transport::connect_through(
      std::make_unique<testing::WireStream>(wire), proxy,
      {core::Transport::kTls, "broker.example", 8883, {}},
      std::chrono::steady_clock::now() + std::chrono::seconds(5), cancel);
  Seen seen{stream.ok(), stream.status().kind(), stream.status().message(), {}};
  if (stream.ok()) {
    seen.rest = testing::read_all(*stream.value()).bytes;
    require(answer.ends_with(seen.rest), "what follows the answer is left as it came");
  } else {
    require(seen.text.find("proxy.example") != seen.text.npos, "an error names the proxy");
    require(seen.text.find("hush-hush") == seen.text.npos || answer.find("hush") != answer.npos,
            "and not the password");
    require(seen.text.size() < 2000, "in a line");
  }
  return seen;
}

}  // namespace

std::vector<std::string> dapr_mqtt::fuzz::seeds() {
  using namespace std::string_literals;
  std::vector<std::string> all;
  for (const std::string& answer :
       {"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n\x20\2\0\0"s,
        "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"s, "HTTP/1.0 403 No\r\n\r\n"s,
        "HTTP/1.1 502 \xFF\r\n\r\n"s, "SSH-2.0-x\r\n\r\n"s, "HTTP/1.0\r\nX: y\r\n\r\n"s}) {
    all.push_back("\0"s + answer);
    all.push_back("\x0A"s + answer);
  }
  for (const std::string& answer :
       {"\5\0\5\0\0\1\1\2\3\4\4\xd2\x20\2\0\0"s, "\5\2\1\0\5\0\0\3\4host\4\xd2"s, "\5\2\1\1"s,
        "\5\xff"s, "\5\0\5\5\0\1\0\0\0\0\0\0"s,
        "\5\0\5\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\4\xd2"s}) {
    all.push_back("\1"s + answer);
    all.push_back("\x0F"s + answer);
  }
  return all;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const unsigned first = input.byte();
  const bool socks = first % 2 != 0;
  const bool login = first / 2 % 2 != 0;
  const Seen whole = answered(input.rest(), SIZE_MAX, socks, login);
  const Seen pieces = answered(input.rest(), 1 + first / 4, socks, login);
  if (whole == pieces) return 0;
  std::fprintf(stderr, "whole: \"%s\", in pieces: \"%s\"\n", whole.text.c_str(),
               pieces.text.c_str());
  std::abort();
}
