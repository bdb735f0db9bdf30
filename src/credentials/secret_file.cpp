#include "credentials/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "dapr_mqtt/base/unique_fd.h"

namespace dapr_mqtt::credentials {
namespace {

/// A CA bundle of a whole system has 220 KiB.
constexpr std::size_t kMaxSecretBytes = 1U << 20U;

base::Status cannot_be_read(int error) {
  std::string text = "cannot be read: ";
  switch (error) {
    case ENOENT: text += "there is no such file (is the volume mounted there?)"; break;
    case EACCES:
      text +=
          "permission denied: let the component's user read it (fsGroup or defaultMode of the "
          "volume)";
      break;
    default: text += std::strerror(error);
  }
  return base::failed_precondition(std::move(text));
}

}  // namespace

base::Result<std::string> read_secret_file(const std::string& path) {
  const base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.valid()) return cannot_be_read(errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return cannot_be_read(errno);
  if (!S_ISREG(status.st_mode)) {
    return base::failed_precondition("cannot be read: it is a folder, pipe or device, not a file");
  }
  std::string out;
  char buffer[16 * 1024];
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_be_read(errno);
    if (got == 0) break;
    out.append(buffer, static_cast<std::size_t>(got));
    if (out.size() > kMaxSecretBytes) {
      return base::failed_precondition("cannot be used: it is longer than 1 MiB");
    }
  }
  if (out.empty()) return base::failed_precondition("is empty");
  return out;
}

std::string without_line_break(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

}  // namespace dapr_mqtt::credentials
