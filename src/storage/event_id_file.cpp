#include "storage/event_id_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

#include "dapr_mqtt/base/text.h"
#include "storage/bounds.h"

namespace dapr_mqtt::storage {
namespace {

/// The format in the file, in the machine's byte order: a file with another byte order fails the
/// check.
struct Slot {
  std::uint64_t packet = 0;  ///< 0: empty
  std::uint64_t fingerprint = 0;
  std::int64_t received = 0;
  std::uint64_t seed = 0;
  std::uint64_t check = 0;
};
static_assert(sizeof(Slot) == 40);

/// At the start of the file, before the first slot.
struct Header {
  std::uint64_t magic = 0x3173'6469'746e'7665;  // "evntids1"
  std::uint64_t slot_size = sizeof(Slot);
  std::uint64_t boot = 0;  ///< the records are valid in this boot only; kAnyBoot: in any boot
  std::uint64_t unused = 0;
  std::uint64_t check = 0;
};
static_assert(sizeof(Header) == sizeof(Slot));

constexpr std::uint64_t kAnyBoot = 0;
constexpr std::uint64_t kUnknownBoot = ~0ULL;  // never equal to the current one

constexpr std::size_t kMostSlots = 65'535;  // packet identifiers
constexpr std::size_t kSlotsErasedTogether = 64;

std::uint64_t offset_of(std::uint32_t slot) { return (slot + 1ULL) * sizeof(Slot); }

/// The checksum of all words except the last.
std::uint64_t check_of(const void* slot) {
  std::array<std::uint64_t, sizeof(Slot) / sizeof(std::uint64_t)> words;
  std::memcpy(words.data(), slot, sizeof words);
  std::uint64_t check = 0x9e37'79b9'7f4a'7c15;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    check = (check ^ words[i]) * 0xff51'afd7'ed55'8ccd;
    check ^= check >> 32U;
  }
  return check;
}

base::Status read_all(int fd, std::string& out) {
  std::size_t size = 0;
  while (size < out.size()) {
    const ssize_t got = ::pread(fd, out.data() + size, out.size() - size, static_cast<off_t>(size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return base::unavailable(std::generic_category().message(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  out.resize(size);
  return {};
}

/// Reads the records of a file. An error: the file is damaged or not ours, or of another boot.
base::Status parse(std::string_view bytes, std::uint64_t boot, std::vector<EventIdRecord>& out) {
  Header header;
  if (bytes.size() < sizeof header) return base::internal_error("it is damaged");
  const Header wanted;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != wanted.magic || header.slot_size != wanted.slot_size ||
      header.check != check_of(&header)) {
    return base::internal_error("it is damaged, or of another version");
  }
  if (header.boot != kAnyBoot && (header.boot != boot || boot == kUnknownBoot)) {
    return base::internal_error("the machine was restarted since then");
  }
  const std::size_t count = std::min(bytes.size() / sizeof(Slot) - 1, kMostSlots);
  out.resize(count);
  std::vector<bool> seen(kMostSlots + 1);
  for (std::size_t i = 0; i < count; ++i) {
    Slot slot;
    std::memcpy(&slot, bytes.data() + (i + 1) * sizeof slot, sizeof slot);
    if (slot.packet == 0 || slot.packet > kMostSlots || slot.check != check_of(&slot)) continue;
    if (seen[slot.packet]) return base::internal_error("it is damaged");
    seen[slot.packet] = true;
    out[i] = {static_cast<std::uint16_t>(slot.packet), slot.fingerprint,
              within_bounds(slot.received).count(), slot.seed};
  }
  return {};
}

}  // namespace

EventIdFile::EventIdFile(std::string path, std::uint64_t boot)
    : path_(std::move(path)), boot_(boot == kAnyBoot ? kUnknownBoot : boot) {}

base::Status EventIdFile::error(const char* what, int number) const {
  return base::unavailable("cannot " + std::string(what) + " " + base::quote(path_, 512) + ": " +
                           std::generic_category().message(number));
}

EventIdFile::Loaded EventIdFile::load() {
  Loaded loaded;
  // O_NONBLOCK: opening a FIFO or device must not block Init.
  fd_.reset(::open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd_.valid() && errno == ENOENT) return loaded;
  struct stat about {};
  if (!fd_.valid() || ::fstat(fd_.get(), &about) != 0) {
    loaded.rejected = error("read", errno);
  } else if (!S_ISREG(about.st_mode)) {
    loaded.rejected = base::unavailable(base::quote(path_, 512) + " is not a regular file");
  } else {
    constexpr off_t kMost = (kMostSlots + 1) * sizeof(Slot);
    std::string bytes(static_cast<std::size_t>(std::min(about.st_size, kMost)), '\0');
    loaded.rejected = read_all(fd_.get(), bytes);
    if (loaded.rejected.ok()) loaded.rejected = parse(bytes, boot_, loaded.slots);
    if (!loaded.rejected.ok()) {
      loaded.rejected = loaded.rejected.with_context(base::quote(path_, 512));
    }
    // After a power cut from now on, the header must not say that the records are valid in any boot.
    if (loaded.rejected.ok()) loaded.rejected = write_header(boot_);
    if (loaded.rejected.ok() && ::fsync(fd_.get()) != 0) loaded.rejected = error("sync", errno);
  }
  if (!loaded.rejected.ok()) {
    loaded.slots.clear();
    static_cast<void>(remove());  // if it fails, open() tries again before anything is written
  }
  return loaded;
}

base::Status EventIdFile::open() {
  if (fd_.valid()) return {};
  if (outdated_) {
    if (base::Status status = remove(); !status.ok()) return status;
  }
  fd_.reset(::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd_.valid()) return error("make", errno);
  base::Status status = write_header(boot_);
  if (!status.ok()) static_cast<void>(remove());
  return status;
}

base::Status EventIdFile::write_at(std::uint64_t offset, const void* bytes, std::size_t size) {
  ssize_t wrote = 0;
  do {
    wrote = ::pwrite(fd_.get(), bytes, size, static_cast<off_t>(offset));
  } while (wrote < 0 && errno == EINTR);
  if (wrote == static_cast<ssize_t>(size)) return {};
  return error("write", wrote < 0 ? errno : ENOSPC);
}

base::Status EventIdFile::write_header(std::uint64_t boot) {
  Header header;
  header.boot = boot;
  header.check = check_of(&header);
  return write_at(0, &header, sizeof header);
}

base::Status EventIdFile::write(std::uint32_t slot, const EventIdRecord& record) {
  if (base::Status status = open(); !status.ok()) return status;
  Slot bytes{record.packet, record.fingerprint, record.received, record.seed, 0};
  bytes.check = check_of(&bytes);
  return write_at(offset_of(slot), &bytes, sizeof bytes);
}

base::Status EventIdFile::erase(std::uint32_t slot, std::uint32_t count) {
  static constexpr std::array<Slot, kSlotsErasedTogether> kEmpty{};
  if (base::Status status = open(); !status.ok()) return status;
  while (count > 0) {
    const std::uint32_t now = std::min<std::uint32_t>(count, kSlotsErasedTogether);
    if (base::Status status = write_at(offset_of(slot), kEmpty.data(), now * sizeof(Slot));
        !status.ok()) {
      return status;
    }
    slot += now;
    count -= now;
  }
  return {};
}

base::Status EventIdFile::remove() {
  // On a full disk at least one of the two works.
  const bool emptied = fd_.valid() && ::ftruncate(fd_.get(), 0) == 0;
  const bool gone = ::unlink(path_.c_str()) == 0 || errno == ENOENT;
  const int problem = errno;
  fd_.reset();
  // A file without a header is rejected.
  outdated_ = !gone;
  return gone || emptied ? base::Status() : error("remove", problem);
}

void EventIdFile::close() {
  if (!fd_.valid()) return;
  // The header is written last: until then the records are valid in this boot only.
  if (::fdatasync(fd_.get()) == 0 && write_header(kAnyBoot).ok()) {
    static_cast<void>(::fdatasync(fd_.get()));
  }
  fd_.reset();
}

}  // namespace dapr_mqtt::storage
