#include "dapr_mqtt/observability/memory.h"

#include <malloc.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <optional>
#include <string_view>

#include "dapr_mqtt/base/parse.h"

namespace dapr_mqtt::observability {
namespace {

namespace fs = std::filesystem;

/// Where a version of control groups keeps its limits.
struct Hierarchy {
  const char* mount;
  const char* file;
};
constexpr Hierarchy kVersion2{"sys/fs/cgroup", "memory.max"};
constexpr Hierarchy kVersion1{"sys/fs/cgroup/memory", "memory.limit_in_bytes"};

/// None: no such file, or no limit ("max").
std::optional<std::size_t> read_limit(const fs::path& file) {
  std::ifstream in(file);
  std::string text;
  if (!(in >> text)) return std::nullopt;
  const auto number = base::parse_integer(text);
  if (!number || *number < 0) return std::nullopt;
  return static_cast<std::size_t>(*number);
}

void apply(MemoryLimit& limit, const fs::path& root, const Hierarchy& hierarchy, fs::path group) {
  // A container may see only its own part of the hierarchy but get its full path, so some
  // groups on the path may not exist for it. The root that it sees is its own group.
  for (;; group = group.parent_path()) {
    const fs::path file = fs::path(hierarchy.mount) / group / hierarchy.file;
    if (const auto bytes = read_limit(root / file); bytes && *bytes < limit.bytes) {
      limit = {*bytes, "/" + file.lexically_normal().string()};
    }
    if (group.empty()) return;
  }
}

bool has_memory(std::string_view controllers) {
  while (!controllers.empty()) {
    const std::size_t comma = controllers.find(',');
    if (controllers.substr(0, comma) == "memory") return true;
    if (comma == std::string_view::npos) break;
    controllers.remove_prefix(comma + 1);
  }
  return false;
}

std::size_t physical_memory() {
  return static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES)) *
         static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

MemoryLimit read_memory_limit(const fs::path& root) {
  MemoryLimit limit{physical_memory(), "physical memory"};
  std::ifstream groups(root / "proc/self/cgroup");
  // hierarchy:controllers:path, the first two "0" and "" for version 2 (cgroups(7)).
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    if (first == std::string::npos) continue;
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const fs::path group = fs::path(line.substr(second + 1)).relative_path();
    if (line.substr(0, first) == "0" && controllers.empty()) {
      apply(limit, root, kVersion2, group);
    } else if (has_memory(controllers)) {
      apply(limit, root, kVersion1, group);
    }
  }
  return limit;
}

std::size_t resident_memory() {
  std::ifstream in("/proc/self/statm");  // size, resident, … in pages (proc(5))
  std::size_t size = 0;
  std::size_t resident = 0;
  if (!(in >> size >> resident)) return 0;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

void return_large_blocks() {
  // By default the threshold grows up to 32 MiB when such blocks are freed, and freed blocks below
  // it stay with the process.
  constexpr int kBytes = 1 << 20;
  ::mallopt(M_MMAP_THRESHOLD, kBytes);
  ::mallopt(M_TRIM_THRESHOLD, 16 * kBytes);
}

void return_free_memory() { ::malloc_trim(0); }

}  // namespace dapr_mqtt::observability
