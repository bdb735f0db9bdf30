#pragma once

#include "dapr_mqtt/core/connection_options.h"
#include "mqtt/sealed_file.h"

namespace dapr_mqtt::mqtt {

/// TlsMaterial as the paths that Paho and OpenSSL take. To be kept as long as
/// anything may connect with it: files are opened again for each connection.
struct TlsFiles {
  static base::Result<TlsFiles> make(const core::TlsMaterial& material);

  SealedFile ca;    ///< none: the system's CAs
  SealedFile cert;  ///< none: no client certificate
  SealedFile key;
};

}  // namespace dapr_mqtt::mqtt
