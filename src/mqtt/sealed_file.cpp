#include "mqtt/sealed_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace dapr_mqtt::mqtt {
namespace {

base::Status failure(const char* call) {
  const int error = errno;
  const std::string text = std::string("cannot keep a certificate or key in memory: ") + call +
                           ": " + std::strerror(error);
  return error == EMFILE || error == ENFILE || error == ENOMEM ? base::resource_exhausted(text)
                                                               : base::internal_error(text);
}

}  // namespace

base::Result<SealedFile> SealedFile::make(const char* label, std::string_view content) {
  SealedFile file;
  file.fd_.reset(::memfd_create(label, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.fd_.valid()) return failure("memfd_create");
  while (!content.empty()) {
    const ssize_t size = ::write(file.fd_.get(), content.data(), content.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return failure("write");
    content.remove_prefix(static_cast<std::size_t>(size));
  }
  if (::fcntl(file.fd_.get(), F_ADD_SEALS,
              F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
    return failure("fcntl(F_ADD_SEALS)");
  }
  file.path_ = "/proc/self/fd/" + std::to_string(file.fd_.get());
  return file;
}

}  // namespace dapr_mqtt::mqtt
