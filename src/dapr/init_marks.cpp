#include "dapr/init_marks.h"

#include <sys/stat.h>

#include <cstddef>
#include <cstdio>
#include <random>

namespace dapr_mqtt::dapr {
namespace {

std::string hex(std::uint32_t value) {
  char text[9];
  std::snprintf(text, sizeof text, "%08x", value);
  return text;
}

/// FNV-1a, 32 bits: the same in every process, unlike std::hash.
std::uint32_t hash(const std::string& text) {
  std::uint32_t value = 2166136261U;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 16777619U;
  return value;
}

std::string prefix_for(const std::string& socket_path) {
  const std::size_t slash = socket_path.find_last_of('/');
  const std::string folder = slash == std::string::npos ? "." : socket_path.substr(0, slash + 1);
  struct stat info {};
  // If stat fails, the path is used instead, which is less exact.
  const bool known = ::stat(folder.c_str(), &info) == 0;
  const std::string where =
      known ? std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino) : folder;
  const std::string name = slash == std::string::npos ? socket_path : socket_path.substr(slash + 1);
  return kMarkBeginning + hex(hash(where + "/" + name)) + "_";
}

}  // namespace

InitMarks::InitMarks(const std::string& socket_path)
    : prefix_(prefix_for(socket_path)), process_(hex(std::random_device()())) {}

std::string InitMarks::next() { return prefix_ + process_ + "_" + std::to_string(++last_); }

}  // namespace dapr_mqtt::dapr
