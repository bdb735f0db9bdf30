// A file layer for SQLite that can be full, and that can lose what was not synced.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dapr_mqtt::testing {

/// Passes everything on to the real files and records what a power cut would leave
/// of them. Only one at a time in a process. Not thread-safe.
class LossyDisk {
 public:
  LossyDisk();
  ~LossyDisk();
  LossyDisk(const LossyDisk&) = delete;
  LossyDisk& operator=(const LossyDisk&) = delete;

  /// For sqlite::DatabaseOptions::vfs.
  const char* name() const { return "lossy"; }

  /// Writes the files into `folder` as a power cut at this moment would leave them:
  /// the synced data, and each later write either completely or not at all, by
  /// chance (disks write in any order).
  void cut_power(const std::string& folder, std::uint64_t seed) const;
  /// Writes the files as a kill would leave them: with every write.
  void kill(const std::string& folder) const;
  /// Makes a file that exists before it is opened.
  void hold(const std::string& path);

  /// This many more writes succeed, then none until empty().
  void fill_after(std::size_t writes) { room_ = writes; }
  void empty() { room_.reset(); }

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
  /// Whether this write fails.
  bool full() {
    if (!room_) return false;
    if (*room_ == 0) return true;
    --*room_;
    return false;
  }

 private:
  void leave(const std::string& folder, const std::function<bool(const Change&)>& survives) const;

  std::optional<std::size_t> room_;
  std::map<std::string, std::string> durable_;
  std::vector<Change> unsynced_;
};

}  // namespace dapr_mqtt::testing
