#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>

#include "dapr_mqtt/base/parse.h"
#include "dapr_mqtt/base/unique_fd.h"
#include "dapr_mqtt/sidecar/daprd.h"

namespace dapr_mqtt::sidecar {
namespace {

namespace fs = std::filesystem;

constexpr const char* kExecutable = "daprd";
constexpr int kDefaultPort = 3500;

/// The arguments of a process, the first one its name; empty when it has ended.
std::vector<std::string> arguments_of(const fs::path& folder) {
  // If the process ends after open(), the read fails: << then sets a flag, but
  // std::istreambuf_iterator would throw.
  std::ostringstream read;
  read << std::ifstream(folder / "cmdline", std::ios::binary).rdbuf();
  const std::string text = read.str();
  std::vector<std::string> out;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\0', begin), text.size());
    out.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

/// The value of a flag in the forms that Go's programs accept: --name value, --name=value,
/// -name=value.
std::optional<std::string> flag(const std::vector<std::string>& arguments, std::string_view name) {
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    std::string_view argument = arguments[i];
    if (!argument.starts_with('-')) continue;
    argument.remove_prefix(argument.starts_with("--") ? 2 : 1);
    if (!argument.starts_with(name)) continue;
    argument.remove_prefix(name.size());
    if (argument.starts_with('=')) return std::string(argument.substr(1));
    if (argument.empty() && i + 1 < arguments.size()) return arguments[i + 1];
  }
  return std::nullopt;
}

/// The process's network namespace; empty if that may not be read (another user's process).
std::string network_of(const fs::path& folder) {
  std::error_code failed;
  const fs::path link = fs::read_symlink(folder / "ns/net", failed);
  return failed ? std::string() : link.string();
}

// The C library's own functions cannot be linked from C++: glibc 2.36's header lacks extern "C".
base::UniqueFd open_process(pid_t pid) {
  return base::UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}
bool signal_process(const base::UniqueFd& process, int number) {
  return ::syscall(SYS_pidfd_send_signal, process.get(), number, nullptr, 0) == 0;
}

std::optional<DaprdProcess> describe(pid_t pid) {
  const fs::path folder = fs::path("/proc") / std::to_string(pid);
  const std::vector<std::string> arguments = arguments_of(folder);
  if (arguments.empty() || fs::path(arguments.front()).filename() != kExecutable) {
    return std::nullopt;
  }
  const std::string network = network_of(folder);
  if (network.empty() || network != network_of("/proc/self")) return std::nullopt;
  const auto port =
      base::parse_integer(flag(arguments, "dapr-http-port").value_or(std::to_string(kDefaultPort)));
  constexpr std::int64_t kHighestPort = 65535;
  if (!port || *port < 1 || *port > kHighestPort) return std::nullopt;
  return DaprdProcess{pid, flag(arguments, "app-id").value_or(""),
                      Address{"127.0.0.1", static_cast<int>(*port)}};
}

class ProcFolder final : public DaprdProcesses {
 public:
  std::vector<DaprdProcess> find() override {
    std::vector<DaprdProcess> out;
    std::error_code failed;
    for (fs::directory_iterator entry("/proc", failed), end; !failed && entry != end;
         entry.increment(failed)) {
      const std::string name = entry->path().filename();
      pid_t pid = 0;
      const auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
      if (error != std::errc() || *rest != '\0') continue;
      if (auto process = describe(pid)) out.push_back(*std::move(process));
    }
    return out;
  }

  base::Status reload(const DaprdProcess& process) override {
    // The process ID may belong to another process by now. The descriptor stays with the process
    // that it was opened for, which is checked before it gets the signal.
    const base::UniqueFd fd = open_process(process.pid);
    if (!fd.valid() || describe(process.pid) != process) {
      return base::failed_precondition("its process has ended");
    }
    if (!signal_process(fd, SIGHUP)) {
      return base::failed_precondition("cannot signal its process " + std::to_string(process.pid) +
                                       ": " + std::generic_category().message(errno));
    }
    return {};
  }
};

}  // namespace

std::unique_ptr<DaprdProcesses> make_daprd_processes() { return std::make_unique<ProcFolder>(); }

}  // namespace dapr_mqtt::sidecar
