#include "config/agreement.h"

#include <algorithm>
#include <string>
#include <utility>

#include "config/limits.h"
#include "config/pem.h"

namespace dapr_mqtt::config {
namespace {

void check_credentials(Draft& draft) {
  core::ConnectionOptions& connection = draft.settings.connection;
  const auto& in_url = draft.urls;
  if (draft.username && in_url.username && *draft.username != *in_url.username) {
    draft.problems.add("username", "differs from the user name in url; keep one of them");
  }
  if (draft.password && in_url.password && !draft.password->same_as(*in_url.password)) {
    draft.problems.add("password", "differs from the password in url; keep one of them");
  }
  connection.username = draft.username.value_or(in_url.username.value_or(""));
  if (draft.password) {
    connection.password = *draft.password;
  } else if (in_url.password) {
    connection.password = *in_url.password;
  }
  // MQTT-3.1.2-22: a password needs a user name.
  const bool has_password = !connection.password.empty() || draft.is_elsewhere("password");
  const bool may_have_username = !connection.username.empty() || draft.is_elsewhere("username") ||
                                  draft.is_elsewhere("url");
  if (connection.protocol == core::ProtocolVersion::kMqtt311 && has_password &&
      !may_have_username) {
    draft.problems.add(connection.password.empty() || draft.password ? "password" : "url",
                       "a password needs a user name in MQTT 3.1.1; set username");
  }
}

void check_client_certificate(Draft& draft) {
  const core::TlsMaterial& tls = draft.settings.connection.tls;
  const bool has_cert = draft.has_cert || draft.is_elsewhere("clientCert");
  const bool has_key = draft.has_key || draft.is_elsewhere("clientKey");
  if (has_cert && !has_key) {
    draft.problems.add("clientCert", "needs clientKey, the private key of this certificate");
  }
  if (has_key && !has_cert) {
    draft.problems.add("clientKey", "needs clientCert, the certificate of this key");
  }
  if (tls.cert_pem.empty() || tls.key_pem.empty()) return;
  if (const base::Status fits = check_key_fits(tls.cert_pem, tls.key_pem); !fits.ok()) {
    draft.problems.add("clientKey", fits.message());
  }
}

void check_will(Draft& draft) {
  if (draft.will_topic) {
    draft.settings.connection.will = core::Will{*std::move(draft.will_topic),
                                                std::move(draft.will_payload), draft.will_qos,
                                                draft.will_retain};
  } else if (!draft.will_details.empty()) {
    draft.problems.add("willTopic", "is missing; without it there is no last will, and so no use "
                                    "for " + draft.will_details);
  }
}

void warn_of_unused_tls(Draft& draft) {
  const auto& endpoints = draft.settings.connection.endpoints;
  if (endpoints.empty() || std::any_of(endpoints.begin(), endpoints.end(),
                                       [](const core::Endpoint& e) { return e.uses_tls(); })) {
    return;
  }
  std::string given;
  std::string_view first;
  const auto add = [&](bool has, std::string_view key) {
    if (!has && !draft.is_elsewhere(key)) return;
    if (first.empty()) first = key;
    given += (given.empty() ? "" : ", ") + std::string(key);
  };
  add(draft.has_ca, "caCert");
  add(draft.has_cert, "clientCert");
  add(draft.has_key, "clientKey");
  if (given.empty()) return;
  draft.warn(
      first, given + ": without use, since url does not ask for TLS (ssl://, mqtts:// or wss://)");
}

void warn_of_traps(Draft& draft) {
  ComponentSettings& settings = draft.settings;
  if (settings.qos == core::QoS::kAtMostOnce && !settings.connection.clean_session &&
      !draft.is_elsewhere("qos")) {
    draft.warn(
        "cleanSession",
        "cleanSession is false but qos is 0, at which brokers queue nothing for a consumer that is "
        "away; set qos to 1 or 2");
  }
  if (settings.connection.session_expiry) {
    if (settings.connection.protocol != core::ProtocolVersion::kMqtt5) {
      draft.warn("sessionExpiryInterval",
                 "sessionExpiryInterval: without use, since only protocolVersion 5 has it");
    } else if (settings.connection.clean_session) {
      draft.warn("sessionExpiryInterval",
                 "sessionExpiryInterval: without use, since cleanSession is true: the broker "
                 "forgets the consumer at once");
    }
  }
  if (settings.connect_in_background) return;
  const auto& init_timeout = draft.context.init_timeout;
  if (settings.connection.connect_timeout < init_timeout.value_or(kDaprdInitTimeout)) return;
  draft.warn("connectTimeout",
             init_timeout
                 ? "connectTimeout is not below the Component's initTimeout, after which daprd "
                   "gives up before the cause is known"
                 : "connectTimeout is not below 5s, after which daprd gives up unless the Component "
                   "sets a longer initTimeout");
}

}  // namespace

void check_agreement(Draft& draft) {
  check_credentials(draft);
  check_client_certificate(draft);
  check_will(draft);
  warn_of_unused_tls(draft);
  warn_of_traps(draft);
}

}  // namespace dapr_mqtt::config
