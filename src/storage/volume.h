// How much of its volume an inbox may use.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace dapr_mqtt::storage {

/// The size of the file system of a folder, in bytes.
struct VolumeSize {
  std::uint64_t total = 0;
  std::uint64_t available = 0;  ///< to this user
};

/// None when it cannot be read.
std::optional<VolumeSize> size_of_volume(const std::string& folder);

/// Limits for SQLite, so that deletes can always be written: they need room in the write-ahead log,
/// and the log needs room in the database when it is copied there (a checkpoint).
///
/// The log may use a sixteenth of the volume (128 KiB to 16 MiB), and four times that is a reserve
/// without messages: for the log at its longest, the pages that a checkpoint adds, one transaction,
/// and the same size again for other inboxes on the same volume.
class VolumeShare {
 public:
  explicit VolumeShare(std::uint64_t total);

  std::uint64_t log_bytes() const { return log_; }
  std::uint64_t reserve_bytes() const { return 4 * log_; }
  /// How many more bytes of messages may be written.
  std::uint64_t room(std::uint64_t available) const {
    return available > reserve_bytes() ? available - reserve_bytes() : 0;
  }
  /// There is so much room that the limit need not be checked for each write.
  bool plenty(std::uint64_t available) const { return available > 2 * reserve_bytes(); }
  /// The limit for messages (InboxLimits::max_bytes) if their rows may use `bytes`: a row uses up to
  /// a page more than the footprint of its message.
  static std::uint64_t countable(std::uint64_t bytes) { return bytes / 4 * 3; }
  /// The free space that is needed for a limit of `countable` bytes of messages, on a large volume.
  static std::uint64_t bytes_for(std::uint64_t countable) {
    return countable / 3 * 4 + VolumeShare(~std::uint64_t{0}).reserve_bytes();
  }

 private:
  std::uint64_t log_;
};

}  // namespace dapr_mqtt::storage
