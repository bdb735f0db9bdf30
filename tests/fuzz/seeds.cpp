#include "fuzz/seeds.h"

#include <cstdlib>
#include <fstream>

/// libFuzzer calls this before all else. With DAPR_MQTT_FUZZ_SEEDS=<folder> the target only writes
/// its seeds there.
extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  const char* const folder = std::getenv("DAPR_MQTT_FUZZ_SEEDS");
  if (folder == nullptr) return 0;
  int number = 0;
  for (const std::string& seed : dapr_mqtt::fuzz::seeds()) {
    std::ofstream file(std::string(folder) + "/seed" + std::to_string(number++), std::ios::binary);
    if (!(file << seed)) std::exit(1);
  }
  std::exit(0);
}
