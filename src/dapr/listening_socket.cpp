#include "dapr/listening_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "dapr/socket_folder.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::dapr {
namespace {

/// How many connections may wait to be accepted; daprd makes one for each Component.
constexpr int kBacklog = 128;

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());  // length checked by open()
  return address;
}

base::UniqueFd make_socket() {
  return base::UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

/// The process at the other end, as far as the kernel knows it (unix(7), SO_PEERCRED).
std::string name_listener(int fd) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid == 0) return "";
  return " (pid " + std::to_string(peer.pid) + ", uid " + std::to_string(peer.uid) + ")";
}

base::Status served_by_another(const std::string& path, const std::string& who) {
  return base::failed_precondition("another process" + who + " serves " + base::quote(path) +
                                   ": stop it, or choose another --name or --socket-folder");
}

/// Removes the socket of a dead process at `path`. An error: there is something else at `path`.
base::Status clear_path(const std::string& path, const base::Log& log) {
  struct stat file {};
  if (::lstat(path.c_str(), &file) != 0) {
    if (errno == ENOENT) return {};
    return base::failed_precondition(system_error_text("cannot look at", path, errno));
  }
  if (!S_ISSOCK(file.st_mode)) {
    return base::failed_precondition(base::quote(path) +
                                     " exists and is no socket: move it away, or choose another "
                                     "--name or --socket-folder");
  }

  base::UniqueFd fd = make_socket();
  if (!fd.valid()) {
    return base::failed_precondition(system_error_text("cannot make a socket for", path, errno));
  }
  const sockaddr_un address = address_of(path);
  const int connected =
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  if (connected == 0) return served_by_another(path, name_listener(fd.get()));
  switch (errno) {
    case ECONNREFUSED:  // no process listens
      break;
    case ENOENT:  // its owner has just removed it
      return {};
    case EAGAIN:      // a process listens, and its backlog is full
    case EPROTOTYPE:  // a process has a socket of another type
      return served_by_another(path, "");
    default:
      return base::failed_precondition(
          system_error_text("cannot tell whether a process serves", path, errno) +
          "; if none does, remove the file");
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return base::failed_precondition(
        system_error_text("cannot remove the socket of a dead process,", path, errno));
  }
  log.info("replaced the socket of a dead process: " + base::quote(path));
  return {};
}

/// Binds and listens. `file` is set to identify the socket's file, in case another one replaces it.
base::Result<base::UniqueFd> bind_and_listen(const std::string& path, mode_t mode,
                                             struct stat& file) {
  const auto failed = [&](const char* what) {
    return base::failed_precondition(system_error_text(what, path, errno));
  };
  base::UniqueFd fd = make_socket();
  if (!fd.valid()) return failed("cannot make a socket for");
  // bind() gives the file the socket's mode, less the umask; the chmod restores what the umask
  // removed. So the mode is never wider than requested, and before listen() nobody can connect.
  if (::fchmod(fd.get(), mode) != 0) return failed("cannot set the mode of the socket for");
  const sockaddr_un address = address_of(path);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return failed("cannot bind");
  }
  if (::lstat(path.c_str(), &file) != 0) return failed("cannot look at");
  if (::chmod(path.c_str(), mode) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    const int error = errno;
    ::unlink(path.c_str());
    return base::failed_precondition(system_error_text("cannot listen on", path, error));
  }
  return fd;
}

}  // namespace

base::Result<ListeningSocket> ListeningSocket::open(const std::string& path, mode_t mode,
                                                    const base::Log& log) {
  if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path)) {
    return base::invalid_argument("socket path " + base::quote(path) + " is empty or too long");
  }
  const std::string folder = folder_of(path);
  if (base::Status status = make_socket_folder(folder); !status.ok()) return status;
  const auto lock = lock_folder(folder);
  if (!lock.ok()) return lock.status();
  if (base::Status status = clear_path(path, log); !status.ok()) return status;
  struct stat file {};
  auto fd = bind_and_listen(path, mode, file);
  if (!fd.ok()) return fd.status();
  return ListeningSocket(path, std::move(fd).value(), file);
}

ListeningSocket& ListeningSocket::operator=(ListeningSocket&& other) noexcept {
  if (this != &other) {
    remove_file();
    path_ = std::exchange(other.path_, {});
    fd_ = std::move(other.fd_);
    device_ = other.device_;
    inode_ = other.inode_;
  }
  return *this;
}

void ListeningSocket::remove_file() {
  const std::string path = std::exchange(path_, {});
  if (path.empty()) return;
  // If the lock cannot be had, a process that starts between the comparison and the unlink could
  // lose its file. That is better than leaving the file.
  const auto lock = lock_folder(folder_of(path));
  struct stat file {};
  if (::lstat(path.c_str(), &file) != 0) return;
  if (file.st_dev != device_ || file.st_ino != inode_) return;
  ::unlink(path.c_str());
}

}  // namespace dapr_mqtt::dapr
