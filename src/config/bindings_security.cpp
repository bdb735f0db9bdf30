// The keys for credentials, TLS, proxies and WebSockets.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "config/bind_values.h"
#include "config/bindings.h"
#include "config/limits.h"
#include "config/proxy_url.h"
#include "dapr_mqtt/base/parse.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::config::bind {
namespace {

bool is_token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_';
}

bool is_token(std::string_view text, std::size_t most) {
  return !text.empty() && text.size() <= most &&
         std::all_of(text.begin(), text.end(), is_token_char);
}

bool secret(const KeyInfo& key, std::string_view value, std::size_t most, Draft& draft,
            base::Secret& out) {
  value = without_line_break(value);
  if (value.size() > most) {
    draft.problems.add(key.name, "has " + std::to_string(value.size()) + " bytes; at most " +
                                     std::to_string(most) + " are allowed");
    return false;
  }
  out = base::Secret(std::string(value));
  return true;
}

/// Headers that every WebSocket request sets itself.
bool is_reserved_header(const std::string& lower) {
  return lower == "upgrade" || lower == "connection" || lower == "content-length" ||
         lower == "transfer-encoding" || lower.starts_with("sec-websocket-");
}

}  // namespace

void password_file(const KeyInfo& key, std::string_view value, Draft& draft) {
  path(key, value, draft, draft.settings.connection.files.password);
}

void ca_cert_file(const KeyInfo& key, std::string_view value, Draft& draft) {
  path(key, value, draft, draft.settings.connection.files.ca_cert);
}

void ca_cert_mode(const KeyInfo& key, std::string_view value, Draft& draft) {
  const std::string wanted = base::to_lower(base::trim(value));
  if (wanted == "add" || wanted == "replace") {
    draft.settings.connection.tls.system_cas_too = wanted == "add";
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

void client_cert_file(const KeyInfo& key, std::string_view value, Draft& draft) {
  path(key, value, draft, draft.settings.connection.files.client_cert);
}

void client_key_file(const KeyInfo& key, std::string_view value, Draft& draft) {
  path(key, value, draft, draft.settings.connection.files.client_key);
}

void client_key_password(const KeyInfo& key, std::string_view value, Draft& draft) {
  secret(key, value, kMaxPassphrase, draft, draft.settings.connection.key_password);
}

void client_key_password_file(const KeyInfo& key, std::string_view value, Draft& draft) {
  path(key, value, draft, draft.settings.connection.files.client_key_password);
}

void tls_server_name(const KeyInfo& key, std::string_view value, Draft& draft) {
  const std::string_view name = base::trim(value);
  const bool good =
      name.size() <= kMaxHostName && std::all_of(name.begin(), name.end(), [](char c) {
        return is_token_char(c) || c == ':';  // IPv6
      });
  if (good) {
    draft.settings.connection.tls.server_name = std::string(name);
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

void tls_min_version(const KeyInfo& key, std::string_view value, Draft& draft) {
  const std::string_view wanted = base::trim(value);
  if (wanted == "1.2" || wanted == "1.3") {
    draft.settings.connection.tls.min_version =
        wanted == "1.3" ? core::TlsVersion::k13 : core::TlsVersion::k12;
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

void tls_insecure_skip_verify(const KeyInfo& key, std::string_view value, Draft& draft) {
  boolean(key, value, draft, draft.settings.connection.tls.skip_verify);
}

void alpn(const KeyInfo& key, std::string_view value, Draft& draft) {
  std::vector<std::string> names = pieces(value, ",");
  const bool good =
      !names.empty() && names.size() <= kMaxAlpnNames &&
      std::all_of(names.begin(), names.end(), [](const std::string& name) {
        return name.size() <= kMaxAlpnName &&
               std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~'; });
      });
  if (good) {
    draft.settings.connection.tls.alpn = std::move(names);
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

void proxy_url(const KeyInfo& key, std::string_view value, Draft& draft) {
  std::string problem;
  auto proxy = parse_proxy_url(base::trim(value), problem);
  if (proxy) {
    draft.settings.connection.proxy = std::move(proxy);
  } else {
    draft.problems.add(key.name, problem);
  }
}

void web_socket_headers(const KeyInfo& key, std::string_view value, Draft& draft) {
  draft.has_web_socket_headers = true;
  auto& headers = draft.settings.connection.websocket.headers;
  const std::vector<std::string> lines = pieces(value, "\r\n");
  if (lines.size() > kMaxListItems) return draft.problems.add_wrong_value(key, value);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string line = "line " + std::to_string(i + 1);
    const std::size_t colon = lines[i].find(':');
    const std::string name(base::trim(std::string_view(lines[i]).substr(0, colon)));
    if (colon == std::string::npos || !is_token(name, kMaxHostName)) {
      draft.problems.add(key.name, line + " is not like Name: value");
      continue;
    }
    if (is_reserved_header(base::to_lower(name))) {
      draft.problems.add(key.name, line + ": " + name + " belongs to the WebSocket itself" +
                                       (base::to_lower(name) == "sec-websocket-protocol"
                                            ? "; set webSocketSubprotocol"
                                            : ""));
      continue;
    }
    const std::string text(base::trim(std::string_view(lines[i]).substr(colon + 1)));
    if (text.size() > kMaxHeaderValue ||
        !std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; })) {
      draft.problems.add(key.name, line + ": the value of " + name +
                                       " has characters other than printable ASCII, or over 8192");
      continue;
    }
    headers.emplace_back(name, base::Secret(text));
  }
}

void web_socket_subprotocol(const KeyInfo& key, std::string_view value, Draft& draft) {
  const std::string_view name = base::trim(value);
  constexpr std::size_t kMax = 128;
  if (is_token(name, kMax)) {
    draft.settings.connection.websocket.subprotocol = std::string(name);
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

void auth_method(const KeyInfo& key, std::string_view value, Draft& draft) {
  const std::string_view method = base::trim(value);
  if (!check_mqtt_string(key, method, kMaxAuthMethod, draft)) return;
  const std::string lower = base::to_lower(method);
  for (const char* exchanging : {"scram", "gs2-", "gssapi", "kerberos", "digest-md5", "cram-md5"}) {
    if (!lower.starts_with(exchanging)) continue;
    return draft.problems.add(key.name,
                              base::quote(method, 64) +
                                  " exchanges AUTH packets, which is not supported: use a "
                                  "token (JWT), user name and password, or a certificate");
  }
  draft.settings.connection.auth_method = std::string(method);
}

void auth_data(const KeyInfo& key, std::string_view value, Draft& draft) {
  draft.has_auth_data = true;
  secret(key, value, kMaxMqttString, draft, draft.settings.connection.auth_data);
}

void auth_data_file(const KeyInfo& key, std::string_view value, Draft& draft) {
  path(key, value, draft, draft.settings.connection.files.auth_data);
}

void connect_user_properties(const KeyInfo& key, std::string_view value, Draft& draft) {
  user_properties(key, value, draft, draft.settings.connection.user_properties);
}

}  // namespace dapr_mqtt::config::bind
