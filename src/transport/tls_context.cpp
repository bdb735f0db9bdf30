#include "transport/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include <string>
#include <utility>

namespace dapr_mqtt::transport {
namespace {

using base::Status;

/// Level 2 is 112 bits of security: RSA with 2048 bits, SHA-256. Browsers and Go require it too.
constexpr int kSecurityLevel = 2;

Status cannot_use(const char* key) {
  const unsigned long error = ERR_peek_error();
  const char* reason = ERR_reason_error_string(error);
  std::string text = std::string("TLS: ") + key + " cannot be used";
  if (error != 0 && reason != nullptr) text += std::string(": ") + reason;
  return base::invalid_argument(std::move(text));
}

/// Without this OpenSSL asks at the terminal for the password of an encrypted key.
int no_password(char*, int, int, void*) { return -1; }

Bio reader_of(const std::string& pem) {
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

/// The next certificate; null at the end of the text and for anything else.
Certificate next_certificate(const Bio& text) {
  return Certificate(PEM_read_bio_X509(text.get(), nullptr, no_password, nullptr));
}

bool at_end_of_pem() {
  const unsigned long error = ERR_peek_last_error();
  return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

Status set_trusted_cas(SSL_CTX* context, const core::TlsMaterial& material) {
  const std::string& ca_pem = material.ca_pem;
  if (ca_pem.empty() || material.system_cas_too) {
    if (SSL_CTX_set_default_verify_paths(context) != 1) return cannot_use("the system's CAs");
    if (ca_pem.empty()) return {};
    ERR_clear_error();
  }
  const Bio text = reader_of(ca_pem);
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  int count = 0;
  while (const Certificate certificate = next_certificate(text)) {
    if (X509_STORE_add_cert(store, certificate.get()) != 1) return cannot_use("caCert");
    ++count;
  }
  if (count == 0 || !at_end_of_pem()) return cannot_use("caCert");
  return {};
}

Status set_client_certificate(SSL_CTX* context, const core::TlsMaterial& material) {
  if (material.cert_pem.empty()) return {};
  const Bio chain = reader_of(material.cert_pem);
  const Certificate own = next_certificate(chain);
  if (!own || SSL_CTX_use_certificate(context, own.get()) != 1) return cannot_use("clientCert");
  while (Certificate above = next_certificate(chain)) {
    if (SSL_CTX_add0_chain_cert(context, above.get()) != 1) return cannot_use("clientCert");
    (void)above.release();  // the context owns it now
  }
  if (!at_end_of_pem()) return cannot_use("clientCert");
  ERR_clear_error();
  const Bio key_text = reader_of(material.key_pem.reveal());
  const PrivateKey key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, no_password, nullptr));
  if (!key || SSL_CTX_use_PrivateKey(context, key.get()) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return cannot_use("clientKey");
  }
  return {};
}

}  // namespace

base::Result<SslContext> make_tls_context(const core::TlsMaterial& material) {
  ERR_clear_error();
  SslContext context(SSL_CTX_new(TLS_client_method()));
  if (!context) return base::internal_error("TLS: OpenSSL cannot create a context");
  SSL_CTX_set_security_level(context.get(), kSecurityLevel);
  SSL_CTX_set_min_proto_version(context.get(), material.min_version == core::TlsVersion::k13
                                                   ? TLS1_3_VERSION
                                                   : TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  // As in Go, caCert may be an intermediate CA without its root.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context.get()), X509_V_FLAG_PARTIAL_CHAIN);
  SSL_CTX_set_verify(context.get(), material.skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                     nullptr);
  Status status = set_trusted_cas(context.get(), material);
  if (status.ok()) status = set_client_certificate(context.get(), material);
  ERR_clear_error();
  if (!status.ok()) return status;
  return context;
}

}  // namespace dapr_mqtt::transport
