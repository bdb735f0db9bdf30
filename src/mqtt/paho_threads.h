// Tells whether the current thread is one of Paho's two. Only used to save time: a wrong answer
// costs speed, nothing else.
#pragma once

namespace dapr_mqtt::mqtt {

enum class PahoThread { kUnknown, kOther, kSend, kReceive };

/// By the names that Paho gives its threads (the same from 1.3.12 to master).
PahoThread role_by_name();

/// Likewise, but looked up only once for each thread. Only for functions that Paho calls after its
/// threads have set their names, so that the first answer stays right.
inline thread_local PahoThread known_role = PahoThread::kUnknown;
inline PahoThread role() {
  if (known_role == PahoThread::kUnknown) known_role = role_by_name();
  return known_role;
}
/// Sets the role of this thread, which has done what only a thread of that role does.
inline void set_role(PahoThread role) { known_role = role; }

}  // namespace dapr_mqtt::mqtt
