#include "app/input.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::app {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{64} * 1024 * 1024;

base::Result<std::string> read_all(std::FILE* file, const std::string& name) {
  std::string text;
  char buffer[16384];
  while (const std::size_t got = std::fread(buffer, 1, sizeof buffer, file)) {
    text.append(buffer, got);
    if (text.size() > kMaxBytes) return base::resource_exhausted(name + " is larger than 64 MiB");
  }
  if (std::ferror(file) != 0) {
    return base::unavailable("cannot read " + name + ": " + std::strerror(errno));
  }
  return text;
}

}  // namespace

base::Result<std::string> read_input(const std::string& path) {
  if (path == "-") return read_all(stdin, "standard input");
  const std::string name = base::quote(path);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"),
                                                             &std::fclose);
  if (!file) return base::unavailable("cannot read " + name + ": " + std::strerror(errno));
  return read_all(file.get(), name);
}

}  // namespace dapr_mqtt::app
