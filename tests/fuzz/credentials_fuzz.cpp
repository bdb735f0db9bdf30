// Certificates and keys as text, and tokens, from metadata and from files that others write. What
// is accepted reads the same a second time. (Only OpenSSL reads a PKCS#12 file; it has its own
// fuzzers.) The first byte says what the input is: certificates, a key, or a token.
#include <chrono>
#include <string>
#include <vector>

#include "credentials/token.h"
#include "dapr_mqtt/credentials/expiry_watch.h"
#include "dapr_mqtt/credentials/pem.h"
#include "fuzz/input.h"
#include "fuzz/require.h"
#include "fuzz/seeds.h"
#include "support/certificates.h"

namespace {

using namespace dapr_mqtt;
using fuzz::require;

void check_certificates(std::string_view text) {
  std::vector<std::string> warnings;
  const auto read = credentials::read_certificates(text, warnings);
  if (!read.ok()) return;
  const auto again = credentials::read_certificates(read.value(), warnings);
  require(again.ok() && again.value() == read.value(), "certificates are written as they are read");
  const auto expiries = credentials::expiries_of(read.value());
  require(!warnings.empty() || expiries,
          "a certificate without an end that can be read is warned of");
  require(!expiries || expiries->first <= expiries->last, "the first ends before the last");
}

void check_key(std::string_view text) {
  const auto key = credentials::read_private_key(text, {});
  if (!key.ok()) {
    require(key.status().message().find("PRIVATE KEY-----\n") == std::string::npos,
            "an error does not show the key");
    return;
  }
  require(!credentials::is_encrypted_key(text), "an encrypted key needs its passphrase");
  const auto again = credentials::read_private_key(key.value().reveal(), {});
  require(again.ok(), "a key that was read can be read");
  (void)credentials::check_key_fits("", key.value());
}

void check_token(std::string_view text) {
  const auto times = credentials::token_times(text);
  if (!times) return;
  credentials::ExpiryWatch watch;
  const base::WallTime now{std::chrono::hours(24 * 365 * 56)};
  (void)watch.due({{core::CredentialExpiry::What::kToken, times->expires}}, times->issued, now);
}

}  // namespace

std::vector<std::string> dapr_mqtt::fuzz::seeds() {
  using namespace std::string_literals;
  const testing::CertificateAuthority ca;
  const testing::Identity identity = ca.client();
  std::string in_letters;
  for (const char c : ca.pem()) in_letters += c == '\n' ? "\\n"s : std::string(1, c);
  return {"\0"s + ca.pem() + identity.cert_pem, "\0"s + in_letters,
          "\0-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"s, "\1"s + identity.key_pem,
          "\1-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"s,
          "\1-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n"s,
          // {"iat":1700000000,"exp":1700003600}
          "\2e30.eyJpYXQiOjE3MDAwMDAwMDAsImV4cCI6MTcwMDAwMzYwMH0.x"s,
          // {"exp":999999999999}
          "\2e30.eyJleHAiOjk5OTk5OTk5OTk5OX0."s};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  switch (input.byte() % 3) {
    case 0: check_certificates(input.rest()); break;
    case 1: check_key(input.rest()); break;
    default: check_token(input.rest()); break;
  }
  (void)credentials::is_der(input.rest());
  return 0;
}
