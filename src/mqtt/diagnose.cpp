#include "mqtt/diagnose.h"

#include "dapr_mqtt/base/unique_fd.h"
#include "mqtt/tcp_connect.h"
#include "mqtt/tls_probe.h"

namespace dapr_mqtt::mqtt {

Diagnosis diagnose(const core::Endpoint& endpoint, core::ProtocolVersion protocol,
                   const std::string& address, const TlsFiles& files, AttemptEnd end,
                   base::TimePoint deadline) {
  base::UniqueFd fd;
  if (const int error = connect_tcp(fd, address, endpoint.port, deadline); error != 0) {
    return {tcp_failure(error), 0};
  }
  if (endpoint.uses_tls()) {
    auto problem = probe_tls(fd.get(), endpoint, files, end == AttemptEnd::kBroken, deadline);
    if (problem) return {std::move(*problem), 2};
  }
  const bool web_socket = endpoint.transport == core::Transport::kWebSocket ||
                          endpoint.transport == core::Transport::kWebSocketTls;
  if (end == AttemptEnd::kSilence) {
    return {base::unavailable(
                web_socket ? "timed out: the broker accepts connections but does not answer "
                             "(WebSocket upgrade or MQTT CONNECT)"
                           : "timed out: the broker accepts connections but does not answer MQTT "
                             "CONNECT"),
            1};
  }
  if (web_socket) {
    return {base::unavailable("the WebSocket upgrade failed: check port and path in url"), 1};
  }
  std::string question;
  if (protocol == core::ProtocolVersion::kMqtt5) {
    question = "does it speak MQTT 5? else set protocolVersion to \"3.1.1\"";
  }
  if (!endpoint.uses_tls()) {
    question = "is it an MQTT port without TLS?" + (question.empty() ? "" : " And " + question);
  }
  return {base::unavailable("the broker closed the connection without an answer to MQTT CONNECT" +
                            (question.empty() ? "" : " (" + question + ")")),
          1};
}

}  // namespace dapr_mqtt::mqtt
