// How the value of each kind of key gets into the settings: the `apply` of the
// rows in key_table.cpp.
#pragma once

#include <string_view>

#include "config/draft.h"
#include "dapr_mqtt/config/keys.h"

namespace dapr_mqtt::config::bind {

void url(const KeyInfo& key, std::string_view value, Draft& draft);
void username(const KeyInfo& key, std::string_view value, Draft& draft);
void password(const KeyInfo& key, std::string_view value, Draft& draft);
void consumer_id(const KeyInfo& key, std::string_view value, Draft& draft);
void qos(const KeyInfo& key, std::string_view value, Draft& draft);
void retain(const KeyInfo& key, std::string_view value, Draft& draft);
void clean_session(const KeyInfo& key, std::string_view value, Draft& draft);
void ca_cert(const KeyInfo& key, std::string_view value, Draft& draft);
void client_cert(const KeyInfo& key, std::string_view value, Draft& draft);
void client_key(const KeyInfo& key, std::string_view value, Draft& draft);
void max_retries(const KeyInfo& key, std::string_view value, Draft& draft);
void retry_interval(const KeyInfo& key, std::string_view value, Draft& draft);
void connect_in_background(const KeyInfo& key, std::string_view value, Draft& draft);
void connect_timeout(const KeyInfo& key, std::string_view value, Draft& draft);
void keep_alive(const KeyInfo& key, std::string_view value, Draft& draft);
void inbox_max_messages(const KeyInfo& key, std::string_view value, Draft& draft);
void inbox_max_bytes(const KeyInfo& key, std::string_view value, Draft& draft);
void inbox_sync(const KeyInfo& key, std::string_view value, Draft& draft);
void consumer_group(const KeyInfo& key, std::string_view value, Draft& draft);
void concurrency_mode(const KeyInfo& key, std::string_view value, Draft& draft);
void max_concurrent_handlers(const KeyInfo& key, std::string_view value, Draft& draft);
void dead_letter_topic(const KeyInfo& key, std::string_view value, Draft& draft);
void will_topic(const KeyInfo& key, std::string_view value, Draft& draft);
void will_payload(const KeyInfo& key, std::string_view value, Draft& draft);
void will_qos(const KeyInfo& key, std::string_view value, Draft& draft);
void will_retain(const KeyInfo& key, std::string_view value, Draft& draft);
void protocol_version(const KeyInfo& key, std::string_view value, Draft& draft);
void session_expiry(const KeyInfo& key, std::string_view value, Draft& draft);
void publish_timeout(const KeyInfo& key, std::string_view value, Draft& draft);

}  // namespace dapr_mqtt::config::bind
