#include "storage/private_folder.h"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::storage {

namespace fs = std::filesystem;

base::Status folder_error(const char* what, const std::string& path, int error) {
  return base::unavailable("cannot " + std::string(what) + " " + base::quote(path, 512) + ": " +
                           std::generic_category().message(error) +
                           "; make it writable for this user, or name another with --state-dir");
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

base::Status make_private_folders(const std::string& path) {
  std::error_code error;
  const fs::path parent = fs::path(path).parent_path();
  if (!parent.empty() && !fs::exists(parent, error)) {
    if (base::Status status = make_private_folders(parent); !status.ok()) return status;
  }
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return folder_error("make", path, errno);
}

}  // namespace dapr_mqtt::storage
