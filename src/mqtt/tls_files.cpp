#include "mqtt/tls_files.h"

#include <utility>

namespace dapr_mqtt::mqtt {

base::Result<TlsFiles> TlsFiles::make(const core::TlsMaterial& material) {
  TlsFiles files;
  const auto fill = [](SealedFile& file, const char* label, const std::string& pem) {
    if (pem.empty()) return base::Status();
    auto made = SealedFile::make(label, pem);
    if (made.ok()) file = std::move(made).value();
    return made.status();
  };
  if (auto status = fill(files.ca, "mqtt-ca", material.ca_pem); !status.ok()) return status;
  if (auto status = fill(files.cert, "mqtt-cert", material.cert_pem); !status.ok()) return status;
  if (auto status = fill(files.key, "mqtt-key", material.key_pem.reveal()); !status.ok())
    return status;
  return files;
}

}  // namespace dapr_mqtt::mqtt
