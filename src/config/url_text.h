// Splits URLs and shows them, without checking them.
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

/// `url` quoted for an error, with everything masked that could be a secret: user
/// information, queries, a port that is not a number, and text in brackets that is
/// not an address (most often a password, if the host was forgotten).
std::string masked_url(std::string_view url);

}  // namespace dapr_mqtt::config
