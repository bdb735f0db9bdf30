// Owners for OpenSSL's objects, and the callbacks for its readers.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "dapr_mqtt/base/secret.h"
#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::credentials {

struct Free {
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
};
using BioPtr = std::unique_ptr<BIO, Free>;
using CertificatePtr = std::unique_ptr<X509, Free>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Free>;

/// OpenSSL keeps errors in a queue for each thread. Errors of this scope must not
/// show up in another library's use of the queue, and the other way round.
class ErrorQueueScope {
 public:
  ErrorQueueScope() { ERR_set_mark(); }
  ~ErrorQueueScope() { ERR_pop_to_mark(); }
  ErrorQueueScope(const ErrorQueueScope&) = delete;
  ErrorQueueScope& operator=(const ErrorQueueScope&) = delete;
};

/// `text` must outlive the BIO.
inline BioPtr memory_bio(const std::string& text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// Without a callback OpenSSL asks for a passphrase on the terminal.
inline int no_passphrase(char*, int, int, void*) { return -1; }

/// `secret`: a base::Secret.
inline int give_passphrase(char* buffer, int size, int /*writing*/, void* secret) {
  const std::string& text = static_cast<const base::Secret*>(secret)->reveal();
  if (text.empty() || text.size() > static_cast<std::size_t>(size)) return -1;
  std::memcpy(buffer, text.data(), text.size());
  return static_cast<int>(text.size());
}

inline std::string text_of(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return {data, static_cast<std::size_t>(size)};
}

/// The key as PEM without a passphrase.
inline base::Result<base::Secret> write_private_key(EVP_PKEY* key) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  if (!out ||
      PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return base::internal_error("the key cannot be written as PEM");
  }
  return base::Secret(text_of(out.get()));
}

}  // namespace dapr_mqtt::credentials
