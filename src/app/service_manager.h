#pragma once

#include <string>
#include <string_view>

namespace dapr_mqtt::app {

/// Tells systemd (Type=notify) how far we are, by sd_notify(3)'s protocol:
/// assignments, one a line, in one datagram to the socket that NOTIFY_SOCKET
/// names (a path, or an abstract name behind '@'). Nothing without one, and
/// nothing when it cannot be sent: no service fails over its own announcement.
void notify_service_manager(const std::string& socket, std::string_view assignments);

}  // namespace dapr_mqtt::app
