// A file layer for SQLite that can lose what was not synced: power cuts.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace dapr_mqtt::testing {

/// Passes everything on to the real files and notes what a power cut would leave
/// of them. One at a time in a process. Not thread-safe.
class LossyDisk {
 public:
  LossyDisk();
  ~LossyDisk();
  LossyDisk(const LossyDisk&) = delete;
  LossyDisk& operator=(const LossyDisk&) = delete;

  /// For sqlite::DatabaseOptions::vfs.
  const char* name() const { return "lossy"; }

  /// Writes into `folder` the files as a power cut at this moment leaves them:
  /// what was synced, and of each write since then, all or nothing by chance
  /// (disks write in any order).
  void cut_power(const std::string& folder, std::uint64_t seed) const;

  // For the file layer.
  struct Change {
    std::string path;
    std::int64_t offset = 0;
    std::string data;
    bool truncate = false;  ///< to `offset`
  };
  void changed(Change change) { unsynced_.push_back(std::move(change)); }
  void synced(const std::string& path);
  void deleted(const std::string& path);  ///< for good at once

 private:
  std::map<std::string, std::string> durable_;
  std::vector<Change> unsynced_;
};

}  // namespace dapr_mqtt::testing
