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

/// Around each call into gRPC that hands state from thread to thread: its templates
/// are compiled here, but its locks are in a library that the thread sanitizer does
/// not know. While one of these exists, the sanitizer looks away on this thread;
/// suppressions would do as well, but take it a tenth of a second each. Otherwise nothing.
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
  InsideGrpc() {}
  ~InsideGrpc() {}
#endif
  InsideGrpc(const InsideGrpc&) = delete;
  InsideGrpc& operator=(const InsideGrpc&) = delete;
};

}  // namespace dapr_mqtt::dapr
