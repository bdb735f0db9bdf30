#include "mqtt/persistence_glue.h"

#include <MQTTAsync.h>

#include <cstring>
#include <string>
#include <vector>

namespace dapr_mqtt::mqtt {
namespace {

template <typename Body>
int guarded(Body body) {
  try {
    return body() ? 0 : MQTTCLIENT_PERSISTENCE_ERROR;
  } catch (...) {  // a store's way to fail, and bad_alloc: not through C frames
    return MQTTCLIENT_PERSISTENCE_ERROR;
  }
}

Persistence& persistence_of(void* handle) { return *static_cast<Persistence*>(handle); }
::mqtt::iclient_persistence& store_of(void* handle) { return persistence_of(handle).store; }

/// `body` changes what is stored.
template <typename Body>
int change(void* handle, Body body) {
  const int code = guarded([&] {
    body(store_of(handle));
    return true;
  });
  persistence_of(handle).changed(code == 0);
  return code;
}

/// Memory that the C library frees.
char* copy_out(const std::string& bytes, bool terminated) {
  const std::size_t size = bytes.size() + (terminated ? 1 : 0);
  auto* memory = static_cast<char*>(MQTTAsync_malloc(size > 0 ? size : 1));
  if (memory != nullptr) std::memcpy(memory, terminated ? bytes.c_str() : bytes.data(), size);
  return memory;
}

int open_store(void** handle, const char* client_id, const char* uri, void* context) {
  return guarded([&] {
    store_of(context).open(client_id, uri);
    *handle = context;
    return true;
  });
}

int close_store(void* handle) {
  return guarded([&] {
    store_of(handle).close();
    return true;
  });
}

int put(void* handle, char* key, int count, char* buffers[], int sizes[]) {
  return change(handle, [&](auto& store) {
    std::vector<::mqtt::string_view> parts;
    for (int i = 0; i < count; ++i)
      parts.emplace_back(buffers[i], static_cast<std::size_t>(sizes[i]));
    store.put(key, parts);
  });
}

int get(void* handle, char* key, char** buffer, int* size) {
  return guarded([&] {
    const std::string bytes = store_of(handle).get(key);
    *buffer = copy_out(bytes, false);
    *size = static_cast<int>(bytes.size());
    return *buffer != nullptr;
  });
}

int remove(void* handle, char* key) {
  return change(handle, [&](auto& store) { store.remove(key); });
}

int keys(void* handle, char*** out, int* count) {
  return guarded([&] {
    const ::mqtt::string_collection all = store_of(handle).keys();
    *count = static_cast<int>(all.size());
    *out = nullptr;
    if (all.empty()) return true;
    *out = static_cast<char**>(MQTTAsync_malloc(all.size() * sizeof(char*)));
    if (*out == nullptr) return false;
    for (std::size_t i = 0; i < all.size(); ++i) (*out)[i] = copy_out(all[i], true);
    return true;
  });
}

int clear(void* handle) {
  return change(handle, [](auto& store) { store.clear(); });
}

int contains_key(void* handle, char* key) {
  return guarded([&] { return store_of(handle).contains_key(key); });
}

}  // namespace

MQTTClient_persistence persistence_for(Persistence& persistence) {
  return {&persistence, open_store, close_store, put, get, remove, keys, clear, contains_key};
}

}  // namespace dapr_mqtt::mqtt
