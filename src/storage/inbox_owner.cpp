#include "storage/inbox_owner.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string_view>

#include "dapr_mqtt/base/unique_fd.h"
#include "storage/private_folder.h"

namespace dapr_mqtt::storage {
namespace {

constexpr const char* kFile = "/owner";
/// MQTT's strings have at most 65,535 bytes; the whole file, with escapes, stays below this.
constexpr std::size_t kMostBytes = 256U << 10U;

constexpr std::array<std::string_view, 3> kNames = {"component=", "consumerID=", "brokers="};

/// Each value is one line, so line breaks and backslashes are escaped.
std::string escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

std::string unescaped(std::string_view line) {
  std::string out;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size()) {
      ++i;
      out += line[i] == 'n' ? '\n' : line[i];
    } else {
      out += line[i];
    }
  }
  return out;
}

std::string text_of(const InboxOwner& owner) {
  std::string out;
  const std::array<const std::string*, 3> values = {&owner.component, &owner.consumer_id,
                                                    &owner.brokers};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    out += std::string(kNames[i]) + escaped(*values[i]) + "\n";
  }
  return out;
}

std::optional<std::string> read_file(const std::string& path) {
  // O_NONBLOCK: opening a FIFO or device must not block Init.
  const base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file.valid()) return std::nullopt;
  std::string text;
  std::array<char, 4096> part{};
  while (true) {
    const ssize_t got = ::read(file.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 || text.size() > kMostBytes) return std::nullopt;
    if (got == 0) return text;
    text.append(part.data(), static_cast<std::size_t>(got));
  }
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t wrote = ::write(fd, text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

}  // namespace

base::Status write_owner(const std::string& folder, const InboxOwner& owner) {
  const std::string path = folder + kFile;
  const std::string text = text_of(owner);
  if (read_file(path) == text) return {};
  // Renamed when complete, so that readers find either the old text or the new one.
  const std::string unfinished = path + ".new";
  const base::UniqueFd file(
      ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid() || !write_all(file.get(), text) || ::fsync(file.get()) != 0 ||
      ::rename(unfinished.c_str(), path.c_str()) != 0) {
    return folder_error("write", path, errno);
  }
  return {};
}

std::optional<InboxOwner> read_owner(const std::string& folder) {
  const auto text = read_file(folder + kFile);
  if (!text) return std::nullopt;
  std::array<std::string, kNames.size()> values;
  std::string_view rest = *text;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    const std::size_t end = rest.find('\n');
    if (!rest.starts_with(kNames[i]) || end == std::string_view::npos) return std::nullopt;
    values[i] = unescaped(rest.substr(kNames[i].size(), end - kNames[i].size()));
    rest.remove_prefix(end + 1);
  }
  return InboxOwner{values[0], values[1], values[2]};
}

}  // namespace dapr_mqtt::storage
