#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/base/unique_fd.h"

namespace dapr_mqtt::storage {

/// The record of one message (core::EventIds).
struct EventIdRecord {
  std::uint16_t packet = 0;       ///< its packet identifier; never 0
  std::uint64_t fingerprint = 0;  ///< of its content
  std::int64_t received = 0;      ///< milliseconds since 1970
  std::uint64_t seed = 0;
};

/// A file of records in numbered slots of equal size: 40 bytes for each message that is in flight
/// at the same time, so usually one page.
///
/// Written with pwrite (no mmap, since a full disk would then raise SIGBUS) and not synced: the
/// kernel's page cache outlives the process, even if it is killed. A power cut may leave records of
/// messages that were acknowledged since. So records are valid only in the boot of the machine in
/// which they were written, unless the file was closed normally, which syncs it.
///
/// Each slot has a checksum: a slot that is damaged or half written counts as empty.
///
/// Not thread-safe. All methods may wait for the disk; none throws except std::bad_alloc. The caller
/// owns the folder.
class EventIdFile {
 public:
  /// `boot` as in base::ClockReading.
  EventIdFile(std::string path, std::uint64_t boot);

  struct Loaded {
    /// By slot; packet 0: empty.
    std::vector<EventIdRecord> slots;
    /// An error: why the file cannot be used. It is removed, and there are no records.
    base::Status rejected;
  };
  /// To be called once, before all other methods.
  Loaded load();

  /// UNAVAILABLE: the slot keeps its old record, or is empty.
  base::Status write(std::uint32_t slot, const EventIdRecord& record);
  /// Empties `count` slots from this one on.
  base::Status erase(std::uint32_t slot, std::uint32_t count);
  /// Removes the file. An error: its records may still be there, and writes fail until a later call
  /// removes them. A missing file is no error.
  base::Status remove();
  /// Keeps the file for the next process, in this boot or another. Nothing can be written any more.
  void close();

 private:
  base::Status open();
  base::Status write_at(std::uint64_t offset, const void* bytes, std::size_t size);
  base::Status write_header(std::uint64_t boot);
  base::Status error(const char* what, int number) const;

  const std::string path_;
  const std::uint64_t boot_;
  base::UniqueFd fd_;
  bool outdated_ = false;  ///< remove() has failed
};

}  // namespace dapr_mqtt::storage
