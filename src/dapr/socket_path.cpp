#include "dapr_mqtt/dapr/socket_path.h"

#include <sys/un.h>

#include <string_view>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::dapr {
namespace {

/// sun_path holds the path and its terminating NUL (unix(7)).
constexpr std::size_t kMaxPathBytes = sizeof(sockaddr_un::sun_path) - 1;

bool given(const std::optional<std::string>& text) { return text && !text->empty(); }

std::string choose_folder(const SocketPathInputs& inputs) {
  for (const auto* candidate :
       {&inputs.folder_flag, &inputs.component_sockets_folder, &inputs.components_sockets_folder}) {
    if (given(*candidate)) return **candidate;
  }
  return kDefaultSocketFolder;
}

base::Status check_name(std::string_view name) {
  const auto refuse = [&](std::string_view why) {
    return base::invalid_argument("socket name " + base::quote(name) + ": " + std::string(why));
  };
  if (name.empty()) return refuse("is empty");
  if (name.find('/') != std::string_view::npos) {
    return refuse("has a slash; the folder is set with --socket-folder");
  }
  for (const char c : name) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7F) {
      return refuse("has a space or a control character");
    }
  }
  // daprd finds hidden files too, but listings of the folder do not show them, which misleads
  // users.
  if (name.front() == '.') return refuse("begins with a dot");
  if (name.ends_with(".sock")) return refuse("ends with \".sock\", which is added by itself");
  return {};
}

}  // namespace

base::Result<std::string> socket_path(const SocketPathInputs& inputs) {
  const std::string name = inputs.name_flag ? *inputs.name_flag : kDefaultSocketName;
  if (base::Status status = check_name(name); !status.ok()) return status;

  std::string path = choose_folder(inputs);
  if (path.find('\0') != std::string::npos) {
    return base::invalid_argument("socket folder " + base::quote(path) + ": has a NUL byte");
  }
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (path.back() != '/') path += '/';
  path += name + ".sock";
  if (path.size() > kMaxPathBytes) {
    return base::invalid_argument(
        "socket path " + base::quote(path) + " has " + std::to_string(path.size()) +
        " bytes, a Unix socket's may have " + std::to_string(kMaxPathBytes) +
        ": choose a shorter --socket-folder or --name");
  }
  return path;
}

}  // namespace dapr_mqtt::dapr
