// How much memory the process may use, and how much it uses.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace dapr_mqtt::observability {

struct MemoryLimit {
  std::size_t bytes = 0;
  std::string source;  ///< for the user: the file that says so, or "physical memory"
};

/// The smallest memory limit of the process's control group and its parents
/// (cgroup v2's memory.max, v1's memory.limit_in_bytes), or physical memory when that is
/// less or there is no limit. Groups that cannot be seen from inside a container are
/// skipped. `root` is where proc and sys are found, for tests.
MemoryLimit read_memory_limit(const std::filesystem::path& root = "/");

/// The size of the process's resident pages: anonymous memory, and pages of files, which count
/// against a container's limit too. 0 when /proc cannot be read. Takes some microseconds.
std::size_t resident_memory();

/// Makes the allocator return freed blocks of a MiB and more to the kernel at once. To be called
/// once, before there are other threads.
void return_large_blocks();

/// Returns the freed memory that the allocator keeps to the kernel. Takes milliseconds if there is
/// much.
void return_free_memory();

}  // namespace dapr_mqtt::observability
