#include "load.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <utility>

namespace dapr_mqtt::bench {
namespace {

struct Pipe {
  base::UniqueFd read;
  base::UniqueFd write;
};

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
  return {base::UniqueFd(ends[0]), base::UniqueFd(ends[1])};
}

pid_t spawn(std::string program, int input, int output) {
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
  char* const arguments[] = {program.data(), nullptr};
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, program.c_str(), &files, nullptr, arguments, environ);
  ::posix_spawn_file_actions_destroy(&files);
  if (error != 0) throw std::runtime_error(program + " cannot be started");
  return pid;
}

}  // namespace

Load::Load(const std::string& executable) {
  Pipe input = make_pipe();
  Pipe output = make_pipe();
  pid_ = spawn(executable, input.read.get(), output.write.get());
  input_ = std::move(input.write);
  output.write.reset();  // the process's is the last: its end is the output's end
  reader_ = std::thread([this, fd = std::move(output.read)] { read_answers(fd.get()); });
}

Load::~Load() {
  input_.reset();
  reader_.join();
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

nlohmann::json Load::request(const nlohmann::json& request) {
  const std::string line = request.dump() + "\n";
  if (::write(input_.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    throw std::runtime_error("the load generator takes no requests");
  }
  constexpr std::chrono::minutes kPatience{3};
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kPatience, [this] { return ended_ || !answers_.empty(); });
  if (answers_.empty()) throw std::runtime_error("the load generator does not answer");
  nlohmann::json answer = std::move(answers_.front());
  answers_.pop_front();
  if (answer.contains("error")) throw std::runtime_error(answer.at("error").get<std::string>());
  return answer;
}

void Load::read_answers(int fd) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t size = ::read(fd, buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    text.append(buffer, static_cast<std::size_t>(size));
    for (std::size_t end = 0; (end = text.find('\n')) != std::string::npos;
         text.erase(0, end + 1)) {
      read_line(text.substr(0, end));
    }
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

void Load::read_line(const std::string& line) {
  nlohmann::json answer = nlohmann::json::parse(line, nullptr, false);
  if (!answer.is_object()) answer = {{"error", "the load generator wrote: " + line}};
  if (answer.contains("received")) {
    return received_.set(answer.at("received"), answer.at("at"));
  }
  const std::lock_guard lock(mutex_);
  answers_.push_back(std::move(answer));
  changed_.notify_all();
}

}  // namespace dapr_mqtt::bench
