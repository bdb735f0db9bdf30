#include "support/lossy_disk.h"

#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <random>

namespace dapr_mqtt::testing {
namespace {

// SQLite's interface has no other place for a pointer to the object.
LossyDisk* the_disk = nullptr;
sqlite3_vfs* real_layer = nullptr;
sqlite3_vfs lossy_layer{};

/// The real file's object follows this one in the same memory.
struct File {
  sqlite3_file base;
  std::string* path;  // null for temporary files
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

File& of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
const sqlite3_io_methods& real_of(sqlite3_file* file) { return *of(file).real()->pMethods; }

int close_file(sqlite3_file* file) {
  delete of(file).path;
  return real_of(file).xClose(of(file).real());
}
int read_file(sqlite3_file* file, void* out, int size, sqlite3_int64 offset) {
  return real_of(file).xRead(of(file).real(), out, size, offset);
}
int write_file(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  if (the_disk->full() && of(file).path != nullptr) return SQLITE_FULL;
  if (of(file).path != nullptr) {
    the_disk->changed({*of(file).path, offset,
                       std::string(static_cast<const char*>(data), static_cast<std::size_t>(size)),
                       false});
  }
  return real_of(file).xWrite(of(file).real(), data, size, offset);
}
int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  if (of(file).path != nullptr) the_disk->changed({*of(file).path, size, {}, true});
  return real_of(file).xTruncate(of(file).real(), size);
}
int sync_file(sqlite3_file* file, int) {
  // Does not sync the real disk, since nothing here must survive the test.
  if (of(file).path != nullptr) the_disk->synced(*of(file).path);
  return SQLITE_OK;
}
int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return real_of(file).xFileSize(of(file).real(), size);
}
int lock_file(sqlite3_file*, int) { return SQLITE_OK; }
int check_lock(sqlite3_file*, int* locked) {
  *locked = 0;
  return SQLITE_OK;
}
int control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int sector_size(sqlite3_file* file) { return real_of(file).xSectorSize(of(file).real()); }
int characteristics(sqlite3_file*) { return 0; }

// Version 1 has no shared memory, which is not needed with exclusive locking.
const sqlite3_io_methods kMethods = {
    1,         close_file, read_file,  write_file, truncate_file, sync_file,       file_size,
    lock_file, lock_file,  check_lock, control,    sector_size,   characteristics, nullptr,
    nullptr,   nullptr,    nullptr,    nullptr,    nullptr};

int open_file(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  File& opened = *new (file) File{};
  const int code = real_layer->xOpen(real_layer, name, opened.real(), flags, out_flags);
  if (code != SQLITE_OK) return code;
  if (name != nullptr) opened.path = new std::string(name);
  opened.base.pMethods = &kMethods;
  return SQLITE_OK;
}

int delete_file(sqlite3_vfs*, const char* name, int sync_folder) {
  the_disk->deleted(name);
  return real_layer->xDelete(real_layer, name, sync_folder);
}

void apply(const LossyDisk::Change& change, std::string& content) {
  const auto offset = static_cast<std::size_t>(change.offset);
  if (change.truncate) {
    content.resize(offset);
    return;
  }
  if (content.size() < offset + change.data.size()) content.resize(offset + change.data.size());
  content.replace(offset, change.data.size(), change.data);
}

}  // namespace

LossyDisk::LossyDisk() {
  real_layer = sqlite3_vfs_find(nullptr);
  lossy_layer = *real_layer;
  lossy_layer.zName = "lossy";
  lossy_layer.pNext = nullptr;
  lossy_layer.szOsFile = static_cast<int>(sizeof(File)) + real_layer->szOsFile;
  lossy_layer.xOpen = open_file;
  lossy_layer.xDelete = delete_file;
  the_disk = this;
  sqlite3_vfs_register(&lossy_layer, 0);
}

LossyDisk::~LossyDisk() {
  sqlite3_vfs_unregister(&lossy_layer);
  the_disk = nullptr;
}

void LossyDisk::synced(const std::string& path) {
  std::string& content = durable_[path];
  for (const Change& change : unsynced_) {
    if (change.path == path) apply(change, content);
  }
  std::erase_if(unsynced_, [&](const Change& c) { return c.path == path; });
}

void LossyDisk::deleted(const std::string& path) {
  durable_.erase(path);
  std::erase_if(unsynced_, [&](const Change& c) { return c.path == path; });
}

void LossyDisk::hold(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  durable_[path].assign(std::istreambuf_iterator<char>(file), {});
}

void LossyDisk::cut_power(const std::string& folder, std::uint64_t seed) const {
  std::mt19937_64 random(seed);
  leave(folder, [&](const Change&) { return random() % 2 == 0; });
}

void LossyDisk::kill(const std::string& folder) const {
  leave(folder, [](const Change&) { return true; });
}

void LossyDisk::leave(const std::string& folder,
                      const std::function<bool(const Change&)>& survives) const {
  std::map<std::string, std::string> left = durable_;
  for (const Change& change : unsynced_) {
    if (survives(change)) apply(change, left[change.path]);
  }
  for (const auto& [path, content] : left) {
    std::ofstream(std::filesystem::path(folder) / std::filesystem::path(path).filename(),
                  std::ios::binary)
        << content;
  }
}

}  // namespace dapr_mqtt::testing
