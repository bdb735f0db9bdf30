#pragma once

#ifdef DAPR_MQTT_THREAD_SANITIZER
extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}
#endif

namespace dapr_mqtt::dapr {

/// Stands around each call into gRPC that passes state from thread to thread. gRPC's templates are
/// compiled here, but its locks are in a library that the thread sanitizer does not know. While an
/// object of this class exists, the sanitizer ignores this thread's accesses. Suppressions would
/// work too, but cost the sanitizer a tenth of a second each. In other builds the class does
/// nothing.
class InsideGrpc {
 public:
#ifdef DAPR_MQTT_THREAD_SANITIZER
  InsideGrpc() {
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  }
  ~InsideGrpc() {
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
#else
  InsideGrpc() {}   // NOLINT(modernize-use-equals-default): avoids unused-variable warnings
  ~InsideGrpc() {}  // NOLINT(modernize-use-equals-default)
#endif
  InsideGrpc(const InsideGrpc&) = delete;
  InsideGrpc& operator=(const InsideGrpc&) = delete;
};

}  // namespace dapr_mqtt::dapr
