#include <algorithm>
#include <string>
#include <utility>

#include "config/agreement.h"
#include "dapr_mqtt/credentials/pem.h"

namespace dapr_mqtt::config {
namespace {

bool given(const Draft& draft, const std::string& path, std::string_view key) {
  return !path.empty() || draft.is_elsewhere(key);
}

/// A value and the file with that value must not both be given.
void one_of(Draft& draft, bool has_value, std::string_view value_key, const std::string& path,
            std::string_view file_key) {
  if ((has_value || draft.is_elsewhere(value_key)) && given(draft, path, file_key)) {
    draft.problems.add(file_key, "given beside " + std::string(value_key) + "; keep one of them");
  }
}

void check_files(Draft& draft) {
  const core::ConnectionOptions& connection = draft.settings.connection;
  const core::CredentialFiles& files = connection.files;
  one_of(draft, draft.password.has_value(), "password", files.password, "passwordFile");
  if (!draft.password && draft.urls.password && given(draft, files.password, "passwordFile")) {
    draft.problems.add("passwordFile", "given beside the password in url; keep one of them");
  }
  one_of(draft, draft.has_ca, "caCert", files.ca_cert, "caCertFile");
  one_of(draft, draft.has_cert, "clientCert", files.client_cert, "clientCertFile");
  one_of(draft, draft.has_key, "clientKey", files.client_key, "clientKeyFile");
  one_of(draft, !connection.key_password.empty(), "clientKeyPassword", files.client_key_password,
         "clientKeyPasswordFile");
  one_of(draft, draft.has_auth_data, "authData", files.auth_data, "authDataFile");
}

void read_client_key(Draft& draft) {
  if (draft.client_key.empty()) return;
  core::ConnectionOptions& connection = draft.settings.connection;
  const bool passphrase_comes_later =
      given(draft, connection.files.client_key_password, "clientKeyPasswordFile") ||
      draft.is_elsewhere("clientKeyPassword");
  const bool encrypted = credentials::is_encrypted_key(draft.client_key);
  if (encrypted && passphrase_comes_later) {
    connection.tls.key_pem = base::Secret(draft.client_key);
    return;
  }
  auto pem = credentials::read_private_key(draft.client_key, connection.key_password);
  if (!pem.ok()) return draft.problems.add("clientKey", pem.status().message());
  connection.tls.key_pem = std::move(pem).value();
  if (!encrypted && (passphrase_comes_later || !connection.key_password.empty())) {
    draft.warn("clientKeyPassword",
               "clientKeyPassword: has no effect, since clientKey is not encrypted");
  }
  if (connection.tls.cert_pem.empty()) return;
  const base::Status fits =
      credentials::check_key_fits(connection.tls.cert_pem, connection.tls.key_pem);
  if (!fits.ok()) draft.problems.add("clientKey", fits.message());
}

void check_client_certificate(Draft& draft) {
  const core::CredentialFiles& files = draft.settings.connection.files;
  const bool cert_file = given(draft, files.client_cert, "clientCertFile");
  const bool key_file = given(draft, files.client_key, "clientKeyFile");
  const bool has_cert = draft.has_cert || draft.is_elsewhere("clientCert");
  const bool has_key = draft.has_key || draft.is_elsewhere("clientKey") || key_file;
  // clientCertFile may be a PKCS#12 file, which contains the key.
  if (has_cert && !has_key) {
    draft.problems.add("clientCert",
                       "needs clientKey (or clientKeyFile), the private key of this certificate");
  }
  if (has_key && !has_cert && !cert_file) {
    draft.problems.add(key_file ? "clientKeyFile" : "clientKey",
                       "needs clientCert (or clientCertFile), the certificate of this key");
  }
  read_client_key(draft);
}

void check_authentication(Draft& draft) {
  const core::ConnectionOptions& connection = draft.settings.connection;
  const bool has_data = draft.has_auth_data || draft.is_elsewhere("authData");
  const bool has_file = given(draft, connection.files.auth_data, "authDataFile");
  const bool has_method = !connection.auth_method.empty() || draft.is_elsewhere("authMethod");
  if ((has_data || has_file) && !has_method) {
    // MQTT-3.1.2.11.10: it is a protocol error to send data without a method.
    draft.problems.add(has_file ? "authDataFile" : "authData",
                       "needs authMethod, the name of the method (e.g. K8S-SAT)");
  }
  if (connection.protocol == core::ProtocolVersion::kMqtt5 ||
      draft.is_elsewhere("protocolVersion")) {
    return;
  }
  if (has_method) {
    draft.problems.add("authMethod",
                       "needs protocolVersion \"5\": MQTT 3.1.1 has user name and password only");
  }
  if (!connection.user_properties.empty()) {
    draft.warn("connectUserProperties",
               "connectUserProperties: has no effect, since only protocolVersion 5 has them");
  }
  if (!draft.will_mqtt5.empty()) {
    const std::string& keys = draft.will_mqtt5;
    draft.warn(std::string_view(keys).substr(0, keys.find(',')),
               keys + ": has no effect, since only protocolVersion 5 has " +
                   (keys.find(',') == std::string::npos ? "it" : "them"));
  }
}

template <typename Is>
bool any_endpoint(const Draft& draft, Is is) {
  const auto& endpoints = draft.settings.connection.endpoints;
  return endpoints.empty() || std::any_of(endpoints.begin(), endpoints.end(), is);
}

void warn_of_unused_tls(Draft& draft) {
  if (any_endpoint(draft, [](const core::Endpoint& e) { return e.uses_tls(); })) return;
  const core::ConnectionOptions& connection = draft.settings.connection;
  const core::CredentialFiles& files = connection.files;
  std::string names;
  std::string_view first;
  const auto add = [&](bool has, std::string_view key) {
    if (!has && !draft.is_elsewhere(key)) return;
    if (first.empty()) first = key;
    names += (names.empty() ? "" : ", ") + std::string(key);
  };
  add(draft.has_ca, "caCert");
  add(draft.has_cert, "clientCert");
  add(draft.has_key, "clientKey");
  add(!files.ca_cert.empty(), "caCertFile");
  add(!files.client_cert.empty(), "clientCertFile");
  add(!files.client_key.empty(), "clientKeyFile");
  add(!connection.tls.server_name.empty(), "tlsServerName");
  add(!connection.tls.alpn.empty(), "alpn");
  add(connection.tls.skip_verify, "tlsInsecureSkipVerify");
  if (names.empty()) return;
  draft.warn(
      first,
      names + ": has no effect, since url does not ask for TLS (ssl://, mqtts:// or wss://)");
}

void warn_of_tls_traps(Draft& draft) {
  const core::ConnectionOptions& connection = draft.settings.connection;
  if (connection.tls.skip_verify &&
      any_endpoint(draft, [](const core::Endpoint& e) { return e.uses_tls(); })) {
    draft.warn("tlsInsecureSkipVerify",
               "tlsInsecureSkipVerify is true: the broker's certificate is NOT verified, whoever "
               "answers in its place gets the password and all messages. Set caCert instead");
  }
  if (connection.tls.system_cas_too && !draft.has_ca &&
      !given(draft, connection.files.ca_cert, "caCertFile") && !draft.is_elsewhere("caCert")) {
    draft.warn("caCertMode", "caCertMode: has no effect, since there is no caCert or caCertFile");
  }
  const bool web_socket = any_endpoint(draft, [](const core::Endpoint& e) {
    return e.transport == core::Transport::kWebSocket ||
           e.transport == core::Transport::kWebSocketTls;
  });
  if (!web_socket && draft.has_web_socket_headers) {
    draft.warn("webSocketHeaders",
               "webSocketHeaders: has no effect, since url has no WebSocket (ws:// or wss://)");
  }
}

}  // namespace

void check_security(Draft& draft) {
  check_files(draft);
  check_client_certificate(draft);
  check_authentication(draft);
  warn_of_unused_tls(draft);
  warn_of_tls_traps(draft);
}

}  // namespace dapr_mqtt::config
