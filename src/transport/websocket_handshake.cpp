#include "transport/websocket_handshake.h"

#include <openssl/evp.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "dapr_mqtt/base/encoding.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::transport {
namespace {

using base::Status;

/// RFC 6455 section 1.3.
constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::string_view kEndOfHead = "\r\n\r\n";
constexpr const char* kCheckUrl = ": check port and path in url";
/// A longer reason phrase is left out: none in common use is as long.
constexpr std::size_t kMaxReasonPhrase = 64;

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::string host_header(const core::Endpoint& endpoint) {
  std::string host = endpoint.host;
  if (host.size() > 1 && host.ends_with('.')) host.pop_back();
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  const std::uint16_t usual = endpoint.uses_tls() ? 443 : 80;
  return endpoint.port == usual ? host : host + ":" + std::to_string(endpoint.port);
}

struct Field {
  std::string name;  ///< in lower case
  std::string_view value;
};

struct Head {
  int code = 0;
  std::string_view reason;
  std::vector<Field> fields;

  /// All values of one name, joined as RFC 9110 section 5.3 allows; none: not there.
  std::optional<std::string> value(std::string_view name) const {
    std::optional<std::string> out;
    for (const Field& field : fields) {
      if (field.name != name) continue;
      out = out ? *out + "," + std::string(field.value) : std::string(field.value);
    }
    return out;
  }
};

/// "HTTP/1.1 101 Switching Protocols"
bool read_status_line(std::string_view line, Head& head) {
  constexpr std::string_view kVersion = "HTTP/1.";
  if (!line.starts_with(kVersion) || line.size() < kVersion.size() + 5) return false;
  line.remove_prefix(kVersion.size() + 1);  // the minor version, whatever it is
  if (line[0] != ' ') return false;
  for (int i = 1; i <= 3; ++i) {
    if (line[i] < '0' || line[i] > '9') return false;
    head.code = head.code * 10 + (line[i] - '0');
  }
  line.remove_prefix(4);
  if (!line.empty() && line[0] != ' ') return false;
  head.reason = base::trim(line);
  return true;
}

std::optional<Head> parse(std::string_view text) {
  Head head;
  bool first = true;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("\r\n"), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 2, text.size()));
    if (std::exchange(first, false)) {
      if (!read_status_line(line, head)) return std::nullopt;
      continue;
    }
    const std::size_t colon = line.find(':');
    if (colon == 0 || colon == std::string_view::npos || line[0] == ' ' || line[0] == '\t')
      return std::nullopt;
    head.fields.push_back(
        {base::to_lower(line.substr(0, colon)), base::trim(line.substr(colon + 1))});
  }
  if (first) return std::nullopt;
  return head;
}

/// Whether a list such as "keep-alive, Upgrade" has this token (in lower case).
bool has_token(const std::optional<std::string>& list, std::string_view token) {
  std::string_view left = list ? std::string_view(*list) : std::string_view();
  while (!left.empty()) {
    const std::size_t comma = std::min(left.find(','), left.size());
    if (base::to_lower(base::trim(left.substr(0, comma))) == token) return true;
    left.remove_prefix(std::min(comma + 1, left.size()));
  }
  return false;
}

Status refused(const Head& head) {
  std::string answer = "the server answered " + std::to_string(head.code);
  if (!head.reason.empty() && head.reason.size() <= kMaxReasonPhrase && is_printable(head.reason))
    answer += " " + std::string(head.reason);
  switch (head.code) {
    case 401:
      return {base::ErrorKind::kUnauthenticated,
              upgrade_failed(answer + ": it requires a login by HTTP: check path and query in "
                                      "url, or send it with webSocketHeaders (Authorization: …)")
                  .message()};
    case 403:
      return {base::ErrorKind::kPermissionDenied,
              upgrade_failed(answer + ": it does not allow this path or query (a signature in it "
                                      "may have expired): check path and query in url")
                  .message()};
    default: return upgrade_failed(answer + kCheckUrl);
  }
}

}  // namespace

Status upgrade_failed(const std::string& why) {
  return base::unavailable("the WebSocket upgrade failed: " + why);
}

base::Result<std::string> make_websocket_key() {
  std::array<char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    return base::internal_error("no random bytes for the WebSocket key");
  return base::to_base64({bytes.data(), bytes.size()});
}

base::Result<std::string> upgrade_request(const core::Endpoint& endpoint, const std::string& key,
                                          const core::WebSocketOptions& options) {
  const std::string path = endpoint.path.empty() ? "/" : endpoint.path;
  if (!is_printable(path) || path.find(' ') != std::string::npos || path[0] != '/')
    return base::invalid_argument("the path in url has characters that need percent-encoding");
  const auto has = [&options](std::string_view name) {
    return std::any_of(options.headers.begin(), options.headers.end(),
                       [&](const auto& header) { return base::to_lower(header.first) == name; });
  };
  std::string request = "GET " + path + " HTTP/1.1\r\n";
  if (!has("host")) request += "Host: " + host_header(endpoint) + "\r\n";
  request += "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " + key +
             "\r\nSec-WebSocket-Version: 13\r\n";
  if (!options.subprotocol.empty()) {
    request += "Sec-WebSocket-Protocol: " + options.subprotocol + "\r\n";
  }
  for (const auto& [name, value] : options.headers)
    request += name + ": " + value.reveal() + "\r\n";
  return request + "\r\n";
}

std::string accept_value(const std::string& key) {
  const std::string text = key + std::string(kGuid);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1)
    return {};
  return base::to_base64({reinterpret_cast<const char*>(digest.data()), size});
}

bool UpgradeResponse::feed(std::string_view received) {
  // The end mark may have begun in the bytes received before.
  const std::size_t from = head_.size() < kEndOfHead.size() ? 0 : head_.size() - kEndOfHead.size();
  head_.append(received);
  const std::size_t end = head_.find(kEndOfHead, from);
  if (end > kMaxHead) {  // or npos
    if (head_.size() <= kMaxHead) return false;
    status_ = upgrade_failed("the head of the server's answer is longer than 16 KiB");
    return true;
  }
  rest_ = head_.substr(end + kEndOfHead.size());
  head_.resize(end);
  status_ = judge(head_);
  return true;
}

Status UpgradeResponse::judge(std::string_view text) const {
  const auto head = parse(text);
  if (!head) {
    return upgrade_failed(
        "the server there does not speak HTTP: use the broker's WebSocket port, or tcp:// in url");
  }
  if (head->code != 101) return refused(*head);
  if (!has_token(head->value("upgrade"), "websocket"))
    return upgrade_failed(std::string("the answer lacks \"Upgrade: websocket\"") + kCheckUrl);
  if (!has_token(head->value("connection"), "upgrade"))
    return upgrade_failed(std::string("the answer lacks \"Connection: Upgrade\"") + kCheckUrl);
  const auto accept = head->value("sec-websocket-accept");
  if (!accept || accept->empty() || *accept != accept_value(key_))
    return upgrade_failed(
        "the answer has a wrong Sec-WebSocket-Accept: it belongs to another "
        "request (a cache or a proxy in between?)");
  // Many servers do not name a subprotocol in their answer. A different one is an error
  // (MQTT-6.0.0-3).
  if (const auto chosen = head->value("sec-websocket-protocol");
      chosen && *chosen != subprotocol_) {
    return upgrade_failed("the server chose the subprotocol " + base::quote(*chosen, 64) +
                          " where " + (subprotocol_.empty() ? "none" : subprotocol_) +
                          " was requested: set webSocketSubprotocol, or" + (kCheckUrl + 1));
  }
  if (const auto extensions = head->value("sec-websocket-extensions");
      extensions && !extensions->empty()) {
    return upgrade_failed("the server uses extensions that were not requested: " +
                          base::quote(*extensions, 64));
  }
  return {};
}

}  // namespace dapr_mqtt::transport
