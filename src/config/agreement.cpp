#include "config/agreement.h"

#include <string>
#include <utility>

#include "config/limits.h"

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
  const bool has_password = !connection.password.empty() || draft.is_elsewhere("password") ||
                            !connection.files.password.empty() ||
                            draft.is_elsewhere("passwordFile");
  const bool may_have_username =
      !connection.username.empty() || draft.is_elsewhere("username") || draft.is_elsewhere("url");
  if (connection.protocol == core::ProtocolVersion::kMqtt311 && has_password &&
      !may_have_username) {
    const bool in_file = !connection.files.password.empty() || draft.is_elsewhere("passwordFile");
    draft.problems.add(in_file                                         ? "passwordFile"
                       : connection.password.empty() || draft.password ? "password"
                                                                       : "url",
                       "a password needs a user name in MQTT 3.1.1; set username");
  }
}

void check_will(Draft& draft) {
  if (draft.will_topic) {
    draft.settings.connection.will = core::Will{*std::move(draft.will_topic),
                                                std::move(draft.will_payload),
                                                draft.will_qos,
                                                draft.will_retain,
                                                draft.will_delay,
                                                std::move(draft.will_properties),
                                                draft.will_is_text};
  } else if (!draft.will_details.empty()) {
    draft.problems.add("willTopic",
                       "is missing; without it there is no last will, and so no use "
                       "for " +
                           draft.will_details);
  }
}

/// `inbox` chooses who keeps a persistent session's messages; a clean session's wait in memory.
void warn_of_inbox_of_a_clean_session(Draft& draft) {
  if (!draft.settings.connection.clean_session || draft.is_elsewhere("cleanSession")) return;
  for (const char* key : {"inbox", "inboxSync"}) {
    if (!draft.is_given(key)) continue;
    draft.warn(key, std::string(key) +
                        ": has no effect, since cleanSession is true: the broker keeps nothing for "
                        "this consumer, and what the app has not handled is lost with the process. "
                        "Set cleanSession to false");
  }
}

/// MQTT-3.1.4-2: each would end the other's connection.
void check_client_ids(Draft& draft) {
  const core::ConnectionOptions& connection = draft.settings.connection;
  if (connection.publisher_client_id.empty() || draft.is_elsewhere("consumerID")) return;
  if (connection.publisher_client_id == connection.client_id) {
    draft.problems.add(
        "clientIdPublisher",
        "is consumerID too, and MQTT allows one connection for each client ID: the "
        "component makes one that publishes and one that receives; write another, or "
        "leave it out");
  }
}

void warn_of_traps(Draft& draft) {
  ComponentSettings& settings = draft.settings;
  warn_of_inbox_of_a_clean_session(draft);
  if (settings.qos == core::QoS::kAtMostOnce && !settings.connection.clean_session &&
      !draft.is_elsewhere("qos")) {
    draft.warn(
        "cleanSession",
        "cleanSession is false but qos is 0, at which brokers queue nothing for a consumer that is "
        "away; set qos to 1 or 2");
  }
  if (settings.random_client_id && !settings.connection.clean_session) {
    draft.warn("consumerID",
               std::string(draft.uuid_in_consumer_id
                               ? "consumerID is random ({uuid})"
                               : "consumerID has a UUID in it, as {uuid} makes one at each start") +
                   ", while cleanSession is false: no later start has this consumerID again, so it "
                   "never gets what the broker queues for it or what its inbox keeps. Use a "
                   "consumerID that stays ({appID}, {podName} of a StatefulSet), or cleanSession "
                   "true");
  }
  if (settings.connection.session_expiry) {
    if (settings.connection.protocol != core::ProtocolVersion::kMqtt5) {
      draft.warn("sessionExpiryInterval",
                 "sessionExpiryInterval: has no effect, since only protocolVersion 5 has it");
    } else if (settings.connection.clean_session) {
      draft.warn("sessionExpiryInterval",
                 "sessionExpiryInterval: has no effect, since cleanSession is true: the broker "
                 "forgets the consumer at once");
    }
  }
  if (settings.connect_in_background) return;
  const auto& init_timeout = draft.context.init_timeout;
  if (settings.connection.connect_timeout < init_timeout.value_or(kDaprdInitTimeout)) return;
  draft.warn(
      "connectTimeout",
      init_timeout
          ? "connectTimeout is not below the Component's initTimeout, after which daprd "
            "gives up before the cause is known"
          : "connectTimeout is not below 5s, after which daprd gives up unless the Component "
            "sets a longer initTimeout");
}

}  // namespace

void check_agreement(Draft& draft) {
  check_credentials(draft);
  check_client_ids(draft);
  check_will(draft);
  check_security(draft);
  warn_of_traps(draft);
}

}  // namespace dapr_mqtt::config
