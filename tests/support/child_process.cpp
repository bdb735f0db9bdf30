#include "support/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "dapr_mqtt/base/unique_fd.h"

namespace dapr_mqtt::testing {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> environment_with(const std::map<std::string, std::string>& changes) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view variable(*entry);
    const std::string name(variable.substr(0, variable.find('=')));
    if (name.starts_with("DAPR_") || name == "APP_ID" || changes.contains(name)) continue;
    out.emplace_back(variable);
  }
  for (const auto& [name, value] : changes) out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

struct Ends {
  base::UniqueFd read;
  base::UniqueFd write;
};

Ends make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
  return {base::UniqueFd(ends[0]), base::UniqueFd(ends[1])};
}

/// Turns off the terminal's output processing: a line ends with one character, as written.
Ends make_terminal() {
  Ends ends;
  ends.read.reset(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  char name[64];
  if (ends.read.get() < 0 || ::grantpt(ends.read.get()) != 0 || ::unlockpt(ends.read.get()) != 0 ||
      ::ptsname_r(ends.read.get(), name, sizeof name) != 0) {
    throw std::runtime_error("no pseudo-terminal can be had");
  }
  ends.write.reset(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  termios how{};
  if (::tcgetattr(ends.write.get(), &how) != 0) throw std::runtime_error("tcgetattr failed");
  ::cfmakeraw(&how);
  if (::tcsetattr(ends.write.get(), TCSANOW, &how) != 0)
    throw std::runtime_error("tcsetattr failed");
  return ends;
}

}  // namespace

ChildProcess::ChildProcess(std::vector<std::string> argv,
                           const std::map<std::string, std::string>& environment, Output output) {
  auto [read_end, write_end] = output == Output::kTerminal ? make_terminal() : make_pipe();
  std::vector<std::string> variables = environment_with(environment);
  const std::vector<char*> arguments = pointers(argv);
  const std::vector<char*> environment_pointers = pointers(variables);
  pid_ = ::fork();
  if (pid_ == 0) {  // only what is safe in the child of a process with threads
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::dup2(write_end.get(), STDOUT_FILENO);
    ::dup2(write_end.get(), STDERR_FILENO);
    ::execve(arguments[0], arguments.data(), environment_pointers.data());
    ::_exit(127);
  }
  if (pid_ < 0) throw std::runtime_error("fork failed");
  write_end.reset();  // the child's is the last: its end is the output's end
  reader_ = std::thread([this, fd = std::move(read_end)] { read_output(fd.get()); });
}

ChildProcess::~ChildProcess() {
  if (!exit_code_) {
    ::kill(pid_, SIGKILL);
    wait_for_end(std::chrono::hours(1));
  }
  reader_.join();
}

void ChildProcess::read_output(int fd) {
  char buffer[4096];
  for (;;) {
    const ssize_t size = ::read(fd, buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    base::MutexLock lock(mutex_);
    if (size > 0) output_.append(buffer, static_cast<std::size_t>(size));
    if (size <= 0) output_ended_ = true;  // of a terminal, with EIO
    grown_.notify_all();
    if (size <= 0) return;
  }
}

void ChildProcess::signal(int number) const { ::kill(pid_, number); }

std::optional<int> ChildProcess::wait_for_end(std::chrono::milliseconds within) {
  if (exit_code_) return exit_code_;
  const base::UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  pollfd ended{process.get(), POLLIN, 0};
  const auto deadline = std::chrono::steady_clock::now() + within;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const int ready = ::poll(&ended, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready > 0) break;
    if (ready == 0) return std::nullopt;
  }
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  exit_code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  wait_for_last_words();
  return exit_code_;
}

void ChildProcess::wait_for_last_words() const {
  // Does not wait for ever: a process that the child left behind may hold the other end.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  base::MutexLock lock(mutex_);
  while (!output_ended_ && grown_.wait_until(mutex_, deadline)) {
  }
}

std::string ChildProcess::output() const {
  base::MutexLock lock(mutex_);
  return output_;
}

std::vector<std::string> ChildProcess::lines() const {
  std::vector<std::string> out;
  std::istringstream text(output());
  for (std::string line; std::getline(text, line);) out.push_back(line);
  return out;
}

bool ChildProcess::wait_for_output(std::string_view part, std::size_t from,
                                   std::chrono::milliseconds within) const {
  const auto deadline = std::chrono::steady_clock::now() + within;
  base::MutexLock lock(mutex_);
  while (output_.find(part, from) == std::string::npos) {
    if (output_ended_ || !grown_.wait_until(mutex_, deadline)) {
      return output_.find(part, from) != std::string::npos;
    }
  }
  return true;
}

TemporaryFolder::TemporaryFolder() {
  path_ = (fs::temp_directory_path() / "dapr-mqtt-test-XXXXXX").string();
  if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace dapr_mqtt::testing
