// URLs as text: taken apart and shown, nothing checked.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dapr_mqtt::config {

bool is_digits(std::string_view text);

/// Whether `text` begins, after white space, with a scheme and "://".
bool begins_with_scheme(std::string_view text);

/// The URLs of a comma-separated list, without white space around them. A comma
/// separates only where a scheme follows it; empty pieces are left out.
std::vector<std::string_view> split_url_list(std::string_view text);

/// Views into the URL.
struct UrlParts {
  std::string_view scheme;
  std::string_view user_info;  ///< before the @
  bool has_user_info = false;
  std::string_view address;  ///< host, and port if any
  std::string_view path;     ///< with its slash; query and fragment too
};

/// Takes a text apart for which begins_with_scheme() holds.
UrlParts split_url(std::string_view url);

/// `url` quoted for an error without anything that could be a secret: user
/// information, queries, and what is no number for a port or no address in
/// brackets (most often a password whose host was forgotten).
std::string masked_url(std::string_view url);

}  // namespace dapr_mqtt::config
