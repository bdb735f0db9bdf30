// Certificates and keys as text. Errors say what is wrong with a text, never what it contains.
// All functions are thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dapr_mqtt/base/clock.h"
#include "dapr_mqtt/base/secret.h"
#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::credentials {

/// Where a text comes from, for the advice in errors: a value of a Component, or a file.
enum class Origin { kValue, kFile };

/// Checks that `text` holds one or more certificates in PEM, all well-formed,
/// and returns them in normal form: real line breaks, and nothing between them.
/// In `text` a line break may also be the characters `\n` or `\r\n`. For each
/// certificate that is not valid today, or whose dates cannot be read, a sentence
/// is added to `warnings`.
base::Result<std::string> read_certificates(std::string_view text,
                                            std::vector<std::string>& warnings,
                                            Origin origin = Origin::kValue);

/// Checks that `text` holds a private key in PEM, and returns it with real line breaks, decrypted
/// with `passphrase` if it is encrypted. INVALID_ARGUMENT if that passphrase is missing or wrong.
base::Result<base::Secret> read_private_key(std::string_view text, const base::Secret& passphrase,
                                            Origin origin = Origin::kValue);
/// Whether a passphrase is needed to read the key.
bool is_encrypted_key(std::string_view text);

/// Whether the key belongs to the first certificate. Both as returned by the
/// functions above. `certificate_key`: the setting that holds the certificates, for error texts.
base::Status check_key_fits(const std::string& certificates, const base::Secret& key,
                            std::string_view certificate_key = "clientCert");

/// A certificate with its chain, and its key.
struct KeyPair {
  std::string cert_pem;
  base::Secret key_pem;
};
/// Whether these bytes look like PKCS#12 (or any other DER) rather than text.
bool is_der(std::string_view bytes);
/// The certificate, its chain and the key in a PKCS#12 file.
base::Result<KeyPair> read_pkcs12(std::string_view bytes, const base::Secret& passphrase);

/// When the first and the last of these certificates expire; none if no certificate's end date can
/// be read.
struct Expiries {
  base::WallTime first;
  base::WallTime last;
};
std::optional<Expiries> expiries_of(const std::string& certificates);

}  // namespace dapr_mqtt::credentials
