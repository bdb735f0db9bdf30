#include "config/url_text.h"

#include <algorithm>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::config {
namespace {

constexpr std::string_view kSchemeEnd = "://";

bool is_scheme_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '-' || c == '.';
}

bool is_web_socket(std::string_view scheme) {
  const std::string name = base::to_lower(scheme);
  return name == "ws" || name == "wss";
}

}  // namespace

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool begins_with_scheme(std::string_view text) {
  text = base::trim(text);
  const auto stop = std::find_if_not(text.begin(), text.end(), is_scheme_char);
  const auto length = static_cast<std::size_t>(stop - text.begin());
  return length > 0 && text.substr(length).starts_with(kSchemeEnd);
}

std::vector<std::string_view> split_url_list(std::string_view text) {
  text = base::trim(text);
  std::vector<std::string_view> pieces;
  const auto add = [&](std::string_view piece) {
    // Templates may leave a trailing comma, which separates nothing.
    piece = base::trim(piece);
    while (piece.ends_with(',')) piece = base::trim(piece.substr(0, piece.size() - 1));
    if (!piece.empty()) pieces.push_back(piece);
  };
  std::size_t begin = 0;
  for (std::size_t comma = text.find(','); comma != std::string_view::npos;
       comma = text.find(',', comma + 1)) {
    if (!begins_with_scheme(text.substr(comma + 1))) continue;
    add(text.substr(begin, comma - begin));
    begin = comma + 1;
  }
  add(text.substr(begin));
  return pieces;
}

UrlParts split_url(std::string_view url) {
  UrlParts parts;
  const std::size_t end = url.find(kSchemeEnd);
  parts.scheme = url.substr(0, end);
  std::string_view rest = url.substr(end + kSchemeEnd.size());
  // Only a WebSocket's path may hold an @. In other URLs a slash before the last @
  // belongs to the password.
  std::string_view authority = rest;
  if (is_web_socket(parts.scheme)) authority = rest.substr(0, rest.find('/'));
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    parts.has_user_info = true;
    parts.user_info = rest.substr(0, at);
    rest.remove_prefix(at + 1);
  }
  const std::size_t path = rest.find_first_of("/?#");
  parts.address = rest.substr(0, path);
  if (path != std::string_view::npos) parts.path = rest.substr(path);
  return parts;
}

std::string masked_url(std::string_view url) {
  constexpr std::size_t kMaxShown = 128;
  std::string shown;
  bool web_socket = false;
  if (begins_with_scheme(url)) {
    const std::size_t end = url.find(kSchemeEnd) + kSchemeEnd.size();
    web_socket = is_web_socket(url.substr(0, end - kSchemeEnd.size()));
    shown = std::string(url.substr(0, end));
    url.remove_prefix(end);
  }
  if (const std::size_t at = url.rfind('@'); at != std::string_view::npos) {
    shown += "***@";
    url.remove_prefix(at + 1);
  }
  const std::size_t address_end = std::min(url.find_first_of("/?#"), url.size());
  const std::string_view address = url.substr(0, address_end);
  const std::size_t bracket = address.starts_with('[') ? address.find(']') : std::string_view::npos;
  constexpr std::string_view kOfIpv6 = "0123456789abcdefABCDEF:.%";
  if (bracket != std::string_view::npos &&
      address.substr(1, bracket - 1).find_first_not_of(kOfIpv6) != std::string_view::npos) {
    return base::quote(shown + "[***]", kMaxShown);
  }
  const std::size_t colon = address.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos && !is_digits(address.substr(colon + 1))) {
    shown += std::string(address.substr(0, colon)) + ":***";
    return base::quote(shown, kMaxShown);
  }
  shown += address;
  const std::string_view rest = url.substr(address_end);
  const std::string_view path = rest.substr(0, rest.find_first_of("?#"));
  shown += web_socket || path.size() <= 1 ? std::string(path) : "/***";
  if (path.size() < rest.size()) shown += "?***";
  return base::quote(shown, kMaxShown);
}

}  // namespace dapr_mqtt::config
