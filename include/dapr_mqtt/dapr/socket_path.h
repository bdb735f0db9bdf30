// Where daprd looks for the component's socket.
#pragma once

#include <optional>
#include <string>

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::dapr {

inline constexpr const char* kDefaultSocketFolder = "/tmp/dapr-components-sockets";
inline constexpr const char* kDefaultSocketName = "mqtt";

/// The inputs of socket_path(). The application reads flags and environment. An empty folder counts
/// as not given; an empty name is an error.
struct SocketPathInputs {
  std::optional<std::string> folder_flag;
  /// DAPR_COMPONENT_SOCKETS_FOLDER, which Dapr's sidecar injector sets for the component.
  std::optional<std::string> component_sockets_folder;
  /// DAPR_COMPONENTS_SOCKETS_FOLDER, which daprd itself reads.
  std::optional<std::string> components_sockets_folder;
  std::optional<std::string> name_flag;
};

/// Returns `<folder>/<name>.sock`. The folder is the first one given, in the order above, otherwise
/// kDefaultSocketFolder. The name is kDefaultSocketName unless given; the component's type is
/// `pubsub.<name>`. INVALID_ARGUMENT when the name cannot be a file name, or the path is longer
/// than that of a socket can be (107 bytes, unix(7)). A pure function.
base::Result<std::string> socket_path(const SocketPathInputs& inputs);

}  // namespace dapr_mqtt::dapr
