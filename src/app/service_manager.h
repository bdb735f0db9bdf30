#pragma once

#include <string>
#include <string_view>

namespace dapr_mqtt::app {

/// Tells systemd (Type=notify) the state of the service, by sd_notify(3)'s protocol:
/// assignments, one on each line, in one datagram to the socket that NOTIFY_SOCKET
/// names (a path, or an abstract name after '@'). Does nothing without a socket, and
/// ignores a failed send: the service must not fail because of it.
void notify_service_manager(const std::string& socket, std::string_view assignments);

}  // namespace dapr_mqtt::app
