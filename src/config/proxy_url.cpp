#include "config/proxy_url.h"

#include "config/percent.h"
#include "config/url_address.h"
#include "config/url_text.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::config {
namespace {

constexpr std::size_t kMaxProxyUrlBytes = 8192;
/// RFC 1929: user name and password have one byte of length each. HTTP has no such limit.
constexpr std::size_t kMaxLogin = 255;

std::optional<core::Proxy::Kind> kind_of(std::string_view scheme) {
  const std::string name = base::to_lower(scheme);
  if (name == "http") return core::Proxy::Kind::kHttp;
  if (name == "socks5" || name == "socks5h") return core::Proxy::Kind::kSocks5;
  return std::nullopt;
}

std::string read_login(std::string_view text, core::Proxy& proxy) {
  const std::size_t colon = text.find(':');
  const auto user = percent_decode(text.substr(0, colon));
  const auto password = colon == std::string_view::npos ? std::optional<std::string>("")
                                                        : percent_decode(text.substr(colon + 1));
  if (!user || !password) {
    return "has a % in its user name or password that two hexadecimal digits do not follow; write a "
           "% itself as %25";
  }
  if (user->size() > kMaxLogin || password->size() > kMaxLogin) {
    return "has a user name or password of more than 255 bytes";
  }
  if (user->find(':') != std::string::npos)
    return "has a user name with a colon, which HTTP cannot tell from the password";
  proxy.username = *user;
  proxy.password = base::Secret(*password);
  return {};
}

std::string read(std::string_view text, core::Proxy& proxy) {
  const UrlParts parts = split_url(text);
  const auto kind = kind_of(parts.scheme);
  if (!kind) {
    return base::to_lower(parts.scheme) == "https"
               ? "asks for TLS to the proxy, which is not supported: use http:// (with ssl:// or "
                 "wss:// in url the data through it is still encrypted)"
               : "has an unknown scheme; allowed are http:// and socks5://";
  }
  proxy.kind = *kind;
  if (!parts.path.empty() && parts.path != "/") return "has more after host and port";
  UrlAddress address;
  if (std::string why = read_address(parts.address, address); !why.empty()) return why;
  if (!address.port) return "names no port";
  proxy.host = address.host;
  proxy.port = *address.port;
  return parts.has_user_info ? read_login(parts.user_info, proxy) : std::string();
}

}  // namespace

std::optional<core::Proxy> parse_proxy_url(std::string_view text, std::string& problem) {
  if (text.size() > kMaxProxyUrlBytes) {
    problem = "is longer than 8 KiB";
    return std::nullopt;
  }
  if (!begins_with_scheme(text)) {
    problem = masked_url(text) + " does not begin with http:// or socks5://";
    return std::nullopt;
  }
  core::Proxy proxy;
  problem = read(text, proxy);
  if (problem.empty()) return proxy;
  problem = masked_url(text) + " " + problem;
  return std::nullopt;
}

}  // namespace dapr_mqtt::config
