#include "storage/file_clock.h"

#include <algorithm>
#include <array>
#include <utility>

#include "storage/bounds.h"

namespace dapr_mqtt::storage {
namespace {

using std::chrono::milliseconds;

/// 2024-01-01, before the first version of this program: a wall clock that shows less is wrong.
constexpr base::WallTime kFirstYear{std::chrono::seconds(1'704'067'200)};
/// A larger change of the wall clock is a jump: slewing moves the clock by less than this in kOld.
constexpr milliseconds kJump{1000};
constexpr std::chrono::minutes kOld{1};

constexpr std::array<const char*, 4> kRows = {"clock boot", "clock ahead of boot",
                                              "clock wall ahead", "clock last"};

}  // namespace

base::WallTime file_time(const ClockNote& note, const base::ClockReading& reading) {
  if (note.boot != 0 && note.boot == reading.boot) {
    const base::WallTime now = base::WallTime(reading.since_boot) + note.ahead_of_boot;
    if (now >= note.last) return now;  // otherwise a container with its own clocks
  }
  const bool was_wrong = note.last + note.wall_ahead < kFirstYear;
  if (was_wrong && reading.wall >= kFirstYear) return note.last;
  return std::max(note.last, reading.wall - note.wall_ahead);
}

base::Status FileClock::load(sqlite::Database& database, const base::ClockReading& reading) {
  ahead_ = {};
  noted_.reset();
  auto select = database.prepare("SELECT value FROM counters WHERE name = ?1");
  if (!select.ok()) return select.status();
  std::array<std::int64_t, kRows.size()> values{};
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    const auto row = select.value().bind_text(1, kRows.at(i)).step();
    if (!row.ok()) return row.status();
    if (!row.value()) return {};
    values.at(i) = select.value().integer(0);
    select.value().reset();
  }
  const ClockNote note{static_cast<std::uint64_t>(values[0]), milliseconds(values[1]),
                       milliseconds(values[2]), base::WallTime(milliseconds(values[3]))};
  // A damaged note is ignored.
  if (!in_bounds(note.ahead_of_boot) || !in_bounds(note.wall_ahead) ||
      !in_bounds(note.last.time_since_epoch())) {
    return {};
  }
  const base::WallTime now = file_time(note, reading);
  if (in_bounds(now.time_since_epoch())) ahead_ = reading.steady - now;
  return {};
}

ClockNote FileClock::note_at(const base::ClockReading& reading) const {
  const base::WallTime now = reading.steady - ahead_;
  return {reading.boot, now.time_since_epoch() - reading.since_boot, reading.wall - now, now};
}

bool FileClock::note_is_due(const base::ClockReading& reading) const {
  if (!noted_) return true;
  const ClockNote now = note_at(reading);
  const milliseconds moved = now.wall_ahead - noted_->wall_ahead;
  return moved >= kJump || moved <= -kJump || now.last - noted_->last >= kOld;
}

base::Status FileClock::write_note(sqlite::Database& database,
                                   const base::ClockReading& reading) const {
  auto replace = database.prepare("INSERT OR REPLACE INTO counters VALUES(?1, ?2)");
  if (!replace.ok()) return replace.status();
  const ClockNote note = note_at(reading);
  const std::array<std::int64_t, kRows.size()> values = {
      static_cast<std::int64_t>(note.boot), note.ahead_of_boot.count(), note.wall_ahead.count(),
      note.last.time_since_epoch().count()};
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    base::Status status = replace.value().bind_text(1, kRows.at(i)).bind(2, values.at(i)).run();
    if (!status.ok()) return status;
  }
  return {};
}

void FileClock::noted(const base::ClockReading& reading) { noted_ = note_at(reading); }

}  // namespace dapr_mqtt::storage
