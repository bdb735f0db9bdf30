#pragma once

#include <string>
#include <string_view>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/base/unique_fd.h"

namespace dapr_mqtt::mqtt {

/// A file in memory that nobody can change any more, with a path for libraries
/// that take certificates and keys by file name only (paho.mqtt.c #811). It has
/// no name in any folder, is never written to disk, and is gone with the object.
class SealedFile {
 public:
  SealedFile() = default;  ///< none: path() is empty

  /// `label` shows in /proc only. RESOURCE_EXHAUSTED or INTERNAL on failure.
  static base::Result<SealedFile> make(const char* label, std::string_view content);

  /// "/proc/self/fd/<n>", or empty.
  const std::string& path() const { return path_; }
  int fd() const { return fd_.get(); }

 private:
  base::UniqueFd fd_;
  std::string path_;
};

}  // namespace dapr_mqtt::mqtt
