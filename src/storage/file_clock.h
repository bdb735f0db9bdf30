// The clock of an inbox's file, which goes on from one process to the next.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "dapr_mqtt/base/clock.h"
#include "dapr_mqtt/base/status.h"
#include "storage/sqlite/database.h"

namespace dapr_mqtt::storage {

/// A note in the file about the file's time. That time is the SteadyWallClock of the first process
/// that wrote the file, and goes on in later processes, even if the wall clock is changed. All
/// values are those at the moment when the note was written.
struct ClockNote {
  std::uint64_t boot = 0;                     ///< ClockReading::boot
  std::chrono::milliseconds ahead_of_boot{};  ///< the file's time minus ClockReading::since_boot
  std::chrono::milliseconds wall_ahead{};     ///< the wall clock's time minus the file's
  base::WallTime last{};                      ///< the file's time
};

/// The current time of a file with that note. In the same boot of the machine it is exact. After a
/// reboot only the wall clock tells how much time has passed. Its value is used, except if the
/// file's time would go back, or if the wall clock was clearly wrong when the note was written
/// (before kFirstYear) and is not now. In these cases the file's time goes on from where it
/// stopped, since a message that is kept too long does less harm than one that is dropped too soon.
base::WallTime file_time(const ClockNote& note, const base::ClockReading& reading);

/// Converts between the times of this process (SteadyWallClock) and those of a file. WallTime{}
/// means "no time" and is not converted.
///
/// Not thread-safe.
class FileClock {
 public:
  /// The time of a file without a note is this process's time.
  base::Status load(sqlite::Database& database, const base::ClockReading& reading);

  base::WallTime to_file(base::WallTime time) const {
    return time == base::WallTime{} ? time : time - ahead_;
  }
  base::WallTime from_file(base::WallTime time) const {
    return time == base::WallTime{} ? time : time + ahead_;
  }

  /// True if this process has not written a note, its note is old, or the wall clock has jumped
  /// since.
  bool note_is_due(const base::ClockReading& reading) const;
  /// Usually called in a transaction. To be followed by noted() after the commit.
  base::Status write_note(sqlite::Database& database, const base::ClockReading& reading) const;
  void noted(const base::ClockReading& reading);

 private:
  ClockNote note_at(const base::ClockReading& reading) const;

  std::chrono::milliseconds ahead_{};  // this process's time minus the file's
  std::optional<ClockNote> noted_;     // the last note of this process
};

}  // namespace dapr_mqtt::storage
