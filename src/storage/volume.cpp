#include "storage/volume.h"

#include <sys/statvfs.h>

#include <algorithm>

namespace dapr_mqtt::storage {
namespace {

constexpr std::uint64_t kLeastLog = 128U << 10U;
constexpr std::uint64_t kMostLog = 16U << 20U;
constexpr std::uint64_t kLogsInVolume = 16;

}  // namespace

std::optional<VolumeSize> size_of_volume(const std::string& folder) {
  struct statvfs found {};
  if (::statvfs(folder.c_str(), &found) != 0) return std::nullopt;
  const std::uint64_t block = found.f_frsize;
  return VolumeSize{found.f_blocks * block, found.f_bavail * block};
}

VolumeShare::VolumeShare(std::uint64_t total)
    : log_(std::clamp(total / kLogsInVolume, kLeastLog, kMostLog)) {}

}  // namespace dapr_mqtt::storage
