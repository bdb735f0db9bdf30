// Gives the threads of the MQTT client library names that the program does not recognise.
#include <dlfcn.h>
#include <pthread.h>

#include <cstring>

/// Called by Thread_set_name of Paho 1.3.12 and 1.3.14.
extern "C" int pthread_setname_np(pthread_t thread, const char* name) {
  const auto real =
      reinterpret_cast<int (*)(pthread_t, const char*)>(::dlsym(RTLD_NEXT, "pthread_setname_np"));
  return real(thread, std::strncmp(name, "MQTTAsync_", 10) == 0 ? "renamed" : name);
}
