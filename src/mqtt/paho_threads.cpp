#include "mqtt/paho_threads.h"

#include <pthread.h>

#include <cstring>

namespace dapr_mqtt::mqtt {

PahoThread role_by_name() {
  char name[16] = {};
  ::pthread_getname_np(::pthread_self(), name, sizeof name);
  return std::strcmp(name, "MQTTAsync_send") == 0  ? PahoThread::kSend
         : std::strcmp(name, "MQTTAsync_rcv") == 0 ? PahoThread::kReceive
                                                   : PahoThread::kOther;
}

}  // namespace dapr_mqtt::mqtt
