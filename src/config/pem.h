// The one place of this room that knows OpenSSL. Errors say what is wrong with
// the text, never what is in it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dapr_mqtt/base/secret.h"
#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::config {

/// Checks that `text` holds one or more certificates in PEM, all well-formed,
/// and returns them written anew: real line breaks, nothing else between them.
/// Line breaks may also be given as `\n` or `\r\n` in letters. For each that is
/// not valid today, a sentence with the date is added to `warnings`.
base::Result<std::string> read_certificates(std::string_view text,
                                            std::vector<std::string>& warnings);

/// Checks that `text` holds a private key in PEM that is not encrypted, and
/// returns it with real line breaks.
base::Result<base::Secret> read_private_key(std::string_view text);

/// Whether the key belongs to the first certificate. Both as returned by the
/// functions above.
base::Status check_key_fits(const std::string& certificates, const base::Secret& key);

}  // namespace dapr_mqtt::config
