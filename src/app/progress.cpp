#include "app/progress.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

#include "app/terminal.h"

namespace dapr_mqtt::app {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kSilence{2};

}  // namespace

Progress::Progress(std::string what) : what_(std::move(what)) {
  if (is_terminal(STDERR_FILENO)) thread_ = std::thread([this] { show(); });
}

Progress::~Progress() { end(); }

void Progress::end() {
  if (!thread_.joinable()) return;
  {
    base::MutexLock lock(mutex_);
    ended_ = true;
    ended_changed_.notify_all();
  }
  thread_.join();
}

void Progress::show() {
  const auto begin = steady_clock::now();
  bool shown = false;
  for (auto next = begin + kSilence;; next += std::chrono::seconds(1)) {
    {
      base::MutexLock lock(mutex_);
      while (!ended_ && ended_changed_.wait_until(mutex_, next)) {
      }
      if (ended_) break;
    }
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(steady_clock::now() - begin).count();
    std::fprintf(stderr, "\r\033[K%s ... %lld s", what_.c_str(), static_cast<long long>(seconds));
    std::fflush(stderr);
    shown = true;
  }
  if (shown) std::fprintf(stderr, "\r\033[K");
}

}  // namespace dapr_mqtt::app
