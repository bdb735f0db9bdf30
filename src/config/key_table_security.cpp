// The rows for credentials, TLS, proxies, WebSockets and MQTT 5's part of the will.
#include <array>

#include "config/bindings.h"
#include "config/key_rows.h"
#include "dapr_mqtt/base/parse.h"

namespace dapr_mqtt::config {
namespace {

constexpr std::array<std::string_view, 2> kCaCertModes = {"replace", "add"};
constexpr std::array<std::string_view, 2> kTlsVersions = {"1.2", "1.3"};
constexpr std::array<std::string_view, 2> kPayloadFormats = {"bytes", "text"};

// The texts repeat the bounds of limits.h; keep them in step by hand.
constexpr std::array<KeyInfo, 26> kSecurityRows = {{
    {
        .name = "passwordFile",
        .example = "/var/run/secrets/mqtt/password",
        .allowed = "an absolute path",
        .description =
            "File with the password, instead of password: read at each attempt to connect, so "
            "that a token may change. When the file changes, the connection is made anew within "
            "seconds. One line break at its end is left out.",
        .apply = bind::password_file,
    },
    {
        .name = "caCertFile",
        .example = "/var/run/secrets/mqtt/ca.crt",
        .allowed = "an absolute path",
        .description =
            "File with the certificates of caCert. It is read and watched as passwordFile is.",
        .apply = bind::ca_cert_file,
    },
    {
        .name = "caCertMode",
        .default_value = "replace",
        .example = "add",
        .allowed = "one of replace, add",
        .allowed_values = kCaCertModes,
        .description =
            "Whether the certificates of caCert or caCertFile replace the system's CAs or are "
            "trusted in addition to them.",
        .apply = bind::ca_cert_mode,
    },
    {
        .name = "clientCertFile",
        .example = "/var/run/secrets/mqtt/tls.crt",
        .allowed = "an absolute path",
        .description =
            "File with the certificate of clientCert as PEM, or a PKCS#12 file with certificate "
            "and key. It is read and watched as passwordFile is, and used only together with a "
            "key that fits.",
        .apply = bind::client_cert_file,
    },
    {
        .name = "clientKeyFile",
        .example = "/var/run/secrets/mqtt/tls.key",
        .allowed = "an absolute path",
        .description =
            "File with the private key of clientKey. It is read and watched as passwordFile is.",
        .apply = bind::client_key_file,
    },
    {
        .name = "clientKeyPassword",
        .sensitive = true,
        .example = "secret",
        .allowed = "at most 1024 bytes",
        .description =
            "Passphrase of an encrypted clientKey or clientKeyFile, or of a PKCS#12 file.",
        .apply = bind::client_key_password,
    },
    {
        .name = "clientKeyPasswordFile",
        .example = "/var/run/secrets/mqtt/passphrase",
        .allowed = "an absolute path",
        .description = "File with the passphrase of clientKeyPassword. It is read and watched as "
                       "passwordFile is.",
        .apply = bind::client_key_password_file,
    },
    {
        .name = "tlsServerName",
        .example = "broker.example",
        .allowed = "a host name or address",
        .description =
            "Name that TLS sends to the broker (SNI) and that its certificate must be valid for, "
            "instead of the host in url.",
        .apply = bind::tls_server_name,
    },
    {
        .name = "tlsMinVersion",
        .default_value = "1.2",
        .example = "1.3",
        .allowed = "one of 1.2, 1.3",
        .allowed_values = kTlsVersions,
        .description = "Lowest version of TLS that is spoken.",
        .apply = bind::tls_min_version,
    },
    {
        .name = "tlsInsecureSkipVerify",
        .type = KeyType::kBool,
        .default_value = "false",
        .example = "true",
        .allowed = base::bool_values(),
        .description =
            "Whether the broker's certificate is accepted without a check: whoever answers gets "
            "the password. For tests only.",
        .apply = bind::tls_insecure_skip_verify,
    },
    {
        .name = "alpn",
        .example = "mqtt",
        .allowed = "1 to 8 names of at most 255 bytes, separated by commas",
        .description =
            "Protocols offered to the broker by TLS (ALPN). Without it none, except x-amzn-mqtt-ca "
            "to AWS IoT Core on port 443.",
        .apply = bind::alpn,
    },
    {
        .name = "proxyURL",
        .sensitive = true,
        .example = "http://user:password@proxy.example:3128",
        .allowed = "a URL like http://user:password@host:port or socks5://user:password@host:port",
        .description =
            "Proxy through which the broker is reached, by HTTP CONNECT or SOCKS5; the proxy "
            "resolves the broker's name. User name and password are percent-decoded. Proxies in "
            "the environment (HTTP_PROXY, NO_PROXY) are not used.",
        .apply = bind::proxy_url,
    },
    {
        .name = "webSocketHeaders",
        .sensitive = true,
        .example = "Authorization: Bearer token",
        .allowed = "lines like Name: value, at most 32",
        .description =
            "Header fields of the HTTP request that opens a WebSocket (ws:// and wss://), one on "
            "each line.",
        .apply = bind::web_socket_headers,
    },
    {
        .name = "webSocketSubprotocol",
        .default_value = "mqtt",
        .example = "mqttv3.1",
        .allowed = "a token of at most 128 letters, digits and - . _",
        .description =
            "Subprotocol that is requested for a WebSocket. Old servers know only mqttv3.1.",
        .apply = bind::web_socket_subprotocol,
    },
    {
        .name = "authMethod",
        .example = "K8S-SAT",
        .allowed = "UTF-8 text of at most 256 bytes; no method that exchanges AUTH packets (SCRAM, "
                   "Kerberos)",
        .description =
            "MQTT 5: authentication method of CONNECT, for brokers that decide by its data "
            "alone (K8S-SAT, OAUTH2-JWT, CUSTOM-JWT).",
        .apply = bind::auth_method,
    },
    {
        .name = "authData",
        .sensitive = true,
        .example = "token",
        .allowed = "at most 65535 bytes",
        .description =
            "MQTT 5: authentication data of authMethod. A line break at its end is left out.",
        .apply = bind::auth_data,
    },
    {
        .name = "authDataFile",
        .example = "/var/run/secrets/tokens/mqtt",
        .allowed = "an absolute path",
        .description =
            "File with the data of authData, e.g. a service account token. It is read and "
            "watched as passwordFile is.",
        .apply = bind::auth_data_file,
    },
    {
        .name = "connectUserProperties",
        .example = "site=berlin,line=4",
        .allowed = "name=value pairs, separated by commas or line breaks, at most 32",
        .description = "MQTT 5: user properties of CONNECT.",
        .apply = bind::connect_user_properties,
    },
    {
        .name = "willDelayInterval",
        .type = KeyType::kDuration,
        .default_value = "0s",
        .example = "30s",
        .allowed = "a duration like 30s or 5m, or whole seconds, from 0 to 2147483647s",
        .description =
            "MQTT 5: how long after the connection's end the last will is published, unless the "
            "consumer is back by then.",
        .apply = bind::will_delay,
    },
    {
        .name = "willMessageExpiryInterval",
        .type = KeyType::kDuration,
        .example = "1h",
        .allowed = "a duration like 30s or 5m, or whole seconds, from 1s to 2147483647s",
        .description = "MQTT 5: how long the broker keeps the last will for subscribers that are "
                       "away, or as a retained message. Without it, for ever.",
        .apply = bind::will_expiry,
    },
    {
        .name = "willPayloadFormat",
        .example = "text",
        .allowed = "one of bytes, text",
        .allowed_values = kPayloadFormats,
        .description = "MQTT 5: whether the last will says that its payload is UTF-8 text (Payload "
                       "Format Indicator). Without it, bytes.",
        .apply = bind::will_payload_format,
    },
    {
        .name = "willContentType",
        .example = "application/json",
        .allowed = "UTF-8 text of at most 65535 bytes",
        .description = "MQTT 5: content type of the last will.",
        .apply = bind::will_content_type,
    },
    {
        .name = "willResponseTopic",
        .example = "apps/orders/answers",
        .allowed = "a topic name without wildcards",
        .description = "MQTT 5: response topic of the last will.",
        .apply = bind::will_response_topic,
    },
    {
        .name = "willCorrelationData",
        .example = "b3JkZXJz",
        .allowed = "base64 of at most 65535 bytes",
        .description = "MQTT 5: correlation data of the last will.",
        .apply = bind::will_correlation_data,
    },
    {
        .name = "willUserProperties",
        .example = "site=berlin,line=4",
        .allowed = "name=value pairs, separated by commas or line breaks, at most 32",
        .description = "MQTT 5: user properties of the last will.",
        .apply = bind::will_user_properties,
    },
    {
        .name = "clientIdPublisher",
        .example = "orders-publisher",
        .allowed = "UTF-8 text of at most 65535 bytes, not that of consumerID",
        .description =
            "MQTT client ID of the connection that publishes, for brokers that accept only known "
            "IDs. Each replica needs its own: {uuid} becomes a random UUID. Without it, consumerID "
            "with -pub- and random digits after it.",
        .apply = bind::client_id_publisher,
    },
}};

}  // namespace

std::span<const KeyInfo> security_rows() { return kSecurityRows; }

}  // namespace dapr_mqtt::config
