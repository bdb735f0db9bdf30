// Where daprd looks for the component's socket.
#pragma once

#include <optional>
#include <string>

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::dapr {

inline constexpr const char* kDefaultSocketFolder = "/tmp/dapr-components-sockets";
inline constexpr const char* kDefaultSocketName = "mqtt";

/// What decides the path. The application reads flags and environment; an empty
/// text counts as not given.
struct SocketPathInputs {
  std::optional<std::string> folder_flag;
  /// DAPR_COMPONENT_SOCKETS_FOLDER: what Dapr's sidecar injector sets for us.
  std::optional<std::string> component_sockets_folder;
  /// DAPR_COMPONENTS_SOCKETS_FOLDER: what daprd itself reads.
  std::optional<std::string> components_sockets_folder;
  std::optional<std::string> name_flag;
};

/// `<folder>/<name>.sock`. The folder is the first one given, in the order
/// above, else kDefaultSocketFolder; the name is kDefaultSocketName unless given
/// and makes the component's type, `pubsub.<name>`. INVALID_ARGUMENT when the
/// name is no file name or the path is longer than a socket's can be (107
/// bytes, unix(7)). Pure.
base::Result<std::string> socket_path(const SocketPathInputs& inputs);

}  // namespace dapr_mqtt::dapr
