#include "support/mosquitto.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>

namespace dapr_mqtt::testing {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr auto kStartTimeout = std::chrono::seconds(45);

std::string find_program(const std::string& name) {
  std::string path = std::getenv("PATH") != nullptr ? std::getenv("PATH") : "";
  path += ":/usr/sbin:/usr/local/sbin";  // where Debian puts the broker; often not in a user's PATH
  std::size_t begin = 0;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    const std::string candidate = path.substr(begin, end - begin) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    begin = end + 1;
  }
  return {};
}

/// Starts `argv` with its output (both) in `output`. The child dies with the
/// calling thread.
pid_t spawn(const std::vector<std::string>& argv, int output) {
  std::vector<char*> arguments;
  for (const std::string& a : argv) arguments.push_back(const_cast<char*>(a.c_str()));
  arguments.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  if (pid < 0) throw std::runtime_error("fork failed");
  return pid;
}

void run(const std::vector<std::string>& argv) {
  const base::UniqueFd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  const pid_t pid = spawn(argv, null.get());
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) throw std::runtime_error(argv[0] + " failed");
}

void write_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
  ::chmod(path.c_str(), 0600);
}

bool can_bind(std::uint16_t port) {
  const base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

std::string folder_for_broker() {
  std::string pattern = (fs::temp_directory_path() / "dapr-mqtt-test-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  return pattern;
}

}  // namespace

std::uint16_t unused_port() {
  // Below the usual ip_local_port_range (32768–60999): a port in that range could
  // be taken by any outgoing connection while a broker restarts, and a connect to
  // a closed port of that range can even connect to itself.
  static thread_local std::mt19937 random{std::random_device{}()};
  std::uniform_int_distribution<int> draw(15000, 32000);
  for (int tries = 0; tries < 1000; ++tries) {
    const auto port = static_cast<std::uint16_t>(draw(random));
    if (can_bind(port)) return port;
  }
  throw std::runtime_error("no free port");
}

std::optional<std::string> Mosquitto::why_unavailable() {
  for (const char* program : {"mosquitto", "mosquitto_passwd"}) {
    if (find_program(program).empty()) {
      return std::string(program) + " is not installed (apt install mosquitto)";
    }
  }
  return std::nullopt;
}

Mosquitto::Mosquitto(MosquittoOptions options)
    : options_(std::move(options)), folder_(folder_for_broker()) {
  if (const auto reason = why_unavailable()) throw std::runtime_error(*reason);
  // Another process may take the free port before the broker binds it.
  for (int tries = 0; tries < 5; ++tries) {
    port_ = unused_port();
    write_config();
    if (try_start()) return;
  }
  const std::string text = log();
  fs::remove_all(folder_);
  throw std::runtime_error("mosquitto did not start:\n" + text);
}

Mosquitto::~Mosquitto() {
  kill();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

core::Endpoint Mosquitto::endpoint() const {
  const bool tls = !options_.server.cert_pem.empty();
  core::Endpoint endpoint;
  endpoint.transport = options_.websockets
                           ? (tls ? core::Transport::kWebSocketTls : core::Transport::kWebSocket)
                           : (tls ? core::Transport::kTls : core::Transport::kTcp);
  endpoint.host = tls ? "localhost" : "127.0.0.1";
  endpoint.port = port_;
  if (options_.websockets) endpoint.path = "/";
  return endpoint;
}

void Mosquitto::set_password(const std::string& user, const std::string& password) {
  for (auto& [name, current] : options_.users) {
    if (name == user) current = password;
  }
  run({find_program("mosquitto_passwd"), "-b", folder_ + "/passwords", user, password});
  reload();
}

void Mosquitto::set_server(const Identity& server) {
  options_.server = server;
  write_tls();
  reload();
}

/// Repeats the signal: one that comes while the broker still reloads is lost.
void Mosquitto::reload() {
  const std::size_t before = log().size();
  for (int attempt = 0; attempt < 45; ++attempt) {
    ::kill(pid_, SIGHUP);
    if (wait_for_log("Reloading config", before, std::chrono::seconds(1))) return;
  }
  throw std::runtime_error("mosquitto does not reload");
}

void Mosquitto::write_config() {
  const auto file = [&](const char* name) { return folder_ + "/" + name; };
  std::string config;
  const auto line = [&](const std::string& text) { config += text + "\n"; };
  // As root, mosquitto would change to a user that cannot read our folder.
  if (const passwd* user = ::getpwuid(::geteuid())) line(std::string("user ") + user->pw_name);
  line("log_dest stderr");
  line("log_type all");
  line("max_queued_messages 0");
  if (options_.max_inflight_messages) {
    line("max_inflight_messages " + std::to_string(*options_.max_inflight_messages));
  }
  if (options_.persistence) {
    line("persistence true");
    line("persistence_location " + folder_ + "/");
    line("autosave_on_changes true");
    line("autosave_interval 1");
  }
  // mosquitto 2.0.11 does not start with only WebSocket listeners.
  if (options_.websockets) line("listener 0 " + file("plain.sock"));
  line("listener " + std::to_string(port_) + " 127.0.0.1");
  if (options_.websockets) line("protocol websockets");
  line(options_.users.empty() ? "allow_anonymous true" : "allow_anonymous false");
  if (!options_.users.empty()) {
    write_file(file("passwords"), "");
    for (const auto& [name, password] : options_.users) {
      run({find_program("mosquitto_passwd"), "-b", file("passwords"), name, password});
    }
    line("password_file " + file("passwords"));
  }
  if (!options_.acl.empty()) {
    write_file(file("acl"), options_.acl + "\n");
    line("acl_file " + file("acl"));
  }
  if (!options_.server.cert_pem.empty()) {
    write_tls();
    line("cafile " + file("ca.pem"));
    line("certfile " + file("cert.pem"));
    line("keyfile " + file("key.pem"));
    if (options_.require_client_certificate) line("require_certificate true");
  }
  for (const std::string& extra : options_.extra_lines) line(extra);
  write_file(file("mosquitto.conf"), config);
}

void Mosquitto::write_tls() {
  write_file(folder_ + "/ca.pem", options_.ca_pem);
  write_file(folder_ + "/cert.pem", options_.server.cert_pem);
  write_file(folder_ + "/key.pem", options_.server.key_pem);
}

bool Mosquitto::try_start() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
  base::UniqueFd read_end(ends[0]);
  base::UniqueFd write_end(ends[1]);
  std::size_t from = 0;
  {
    base::MutexLock lock(mutex_);
    log_ended_ = false;
    from = log_.size();
  }
  pid_ = spawn({find_program("mosquitto"), "-c", folder_ + "/mosquitto.conf"}, write_end.get());
  write_end.reset();  // the broker's is the last: its end is the log's end
  reader_ = std::thread([this, fd = std::move(read_end)] {
    char buffer[4096];
    for (;;) {
      const ssize_t size = ::read(fd.get(), buffer, sizeof buffer);
      if (size < 0 && errno == EINTR) continue;
      base::MutexLock lock(mutex_);
      if (size > 0) log_.append(buffer, static_cast<std::size_t>(size));
      if (size <= 0) log_ended_ = true;
      grown_.notify_all();
      if (size <= 0) return;
    }
  });
  // Logged once the listeners are open.
  if (wait_for_log(" running", from, kStartTimeout)) return true;
  kill();
  return false;
}

void Mosquitto::start() {
  if (running()) return;
  if (!try_start()) throw std::runtime_error("mosquitto did not start again:\n" + log());
}

void Mosquitto::stop() {
  if (!running()) return;
  ::kill(pid_, SIGTERM);
  ::kill(pid_, SIGCONT);  // a suspended broker would not get the other signal
  wait_for_end();
}

void Mosquitto::kill() {
  if (!running()) return;
  ::kill(pid_, SIGKILL);
  wait_for_end();
}

void Mosquitto::suspend() {
  ::kill(pid_, SIGSTOP);
  int status = 0;
  while (::waitpid(pid_, &status, WUNTRACED) < 0 && errno == EINTR) {
  }
}

void Mosquitto::resume() { ::kill(pid_, SIGCONT); }

void Mosquitto::wait_for_end() {
  const base::UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  pollfd ended{process.get(), POLLIN, 0};
  constexpr int kPatienceMs = 10000;
  if (::poll(&ended, 1, kPatienceMs) == 0) ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  join_reader();
}

void Mosquitto::join_reader() {
  if (reader_.joinable()) reader_.join();
}

std::string Mosquitto::log() const {
  base::MutexLock lock(mutex_);
  return log_;
}

bool Mosquitto::wait_for_log(const std::string& part, std::size_t from,
                             std::chrono::milliseconds within) const {
  const auto deadline = steady_clock::now() + within;
  base::MutexLock lock(mutex_);
  for (;;) {
    if (log_.find(part, from) != std::string::npos) return true;
    if (log_ended_ || steady_clock::now() >= deadline) return false;
    grown_.wait_until(mutex_, deadline);
  }
}

}  // namespace dapr_mqtt::testing
