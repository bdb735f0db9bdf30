// Puts the value of each key into the settings: the `apply` functions of the rows
// in key_table.cpp.
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
void inbox(const KeyInfo& key, std::string_view value, Draft& draft);
void inbox_sync(const KeyInfo& key, std::string_view value, Draft& draft);
void consumer_group(const KeyInfo& key, std::string_view value, Draft& draft);
void concurrency_mode(const KeyInfo& key, std::string_view value, Draft& draft);
void order_by(const KeyInfo& key, std::string_view value, Draft& draft);
void max_concurrent_handlers(const KeyInfo& key, std::string_view value, Draft& draft);
void dead_letter_topic(const KeyInfo& key, std::string_view value, Draft& draft);
void cloud_events(const KeyInfo& key, std::string_view value, Draft& draft);
void cloud_event_type(const KeyInfo& key, std::string_view value, Draft& draft);
void publish_payload(const KeyInfo& key, std::string_view value, Draft& draft);
void will_topic(const KeyInfo& key, std::string_view value, Draft& draft);
void will_payload(const KeyInfo& key, std::string_view value, Draft& draft);
void will_qos(const KeyInfo& key, std::string_view value, Draft& draft);
void will_retain(const KeyInfo& key, std::string_view value, Draft& draft);
void protocol_version(const KeyInfo& key, std::string_view value, Draft& draft);
void session_expiry(const KeyInfo& key, std::string_view value, Draft& draft);
void publish_timeout(const KeyInfo& key, std::string_view value, Draft& draft);
void password_file(const KeyInfo& key, std::string_view value, Draft& draft);
void ca_cert_file(const KeyInfo& key, std::string_view value, Draft& draft);
void ca_cert_mode(const KeyInfo& key, std::string_view value, Draft& draft);
void client_cert_file(const KeyInfo& key, std::string_view value, Draft& draft);
void client_key_file(const KeyInfo& key, std::string_view value, Draft& draft);
void client_key_password(const KeyInfo& key, std::string_view value, Draft& draft);
void client_key_password_file(const KeyInfo& key, std::string_view value, Draft& draft);
void tls_server_name(const KeyInfo& key, std::string_view value, Draft& draft);
void tls_min_version(const KeyInfo& key, std::string_view value, Draft& draft);
void tls_insecure_skip_verify(const KeyInfo& key, std::string_view value, Draft& draft);
void alpn(const KeyInfo& key, std::string_view value, Draft& draft);
void proxy_url(const KeyInfo& key, std::string_view value, Draft& draft);
void web_socket_headers(const KeyInfo& key, std::string_view value, Draft& draft);
void web_socket_subprotocol(const KeyInfo& key, std::string_view value, Draft& draft);
void auth_method(const KeyInfo& key, std::string_view value, Draft& draft);
void auth_data(const KeyInfo& key, std::string_view value, Draft& draft);
void auth_data_file(const KeyInfo& key, std::string_view value, Draft& draft);
void connect_user_properties(const KeyInfo& key, std::string_view value, Draft& draft);
void will_delay(const KeyInfo& key, std::string_view value, Draft& draft);
void will_expiry(const KeyInfo& key, std::string_view value, Draft& draft);
void will_payload_format(const KeyInfo& key, std::string_view value, Draft& draft);
void will_content_type(const KeyInfo& key, std::string_view value, Draft& draft);
void will_response_topic(const KeyInfo& key, std::string_view value, Draft& draft);
void will_correlation_data(const KeyInfo& key, std::string_view value, Draft& draft);
void will_user_properties(const KeyInfo& key, std::string_view value, Draft& draft);
void client_id_publisher(const KeyInfo& key, std::string_view value, Draft& draft);

}  // namespace dapr_mqtt::config::bind
