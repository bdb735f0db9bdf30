#include <openssl/pkcs12.h>

#include "credentials/openssl_owners.h"
#include "dapr_mqtt/credentials/pem.h"

namespace dapr_mqtt::credentials {
namespace {

struct FreePkcs12 {
  void operator()(PKCS12* p) const { PKCS12_free(p); }
  void operator()(STACK_OF(X509) * p) const { sk_X509_pop_free(p, X509_free); }
};
using Pkcs12Ptr = std::unique_ptr<PKCS12, FreePkcs12>;
using ChainPtr = std::unique_ptr<STACK_OF(X509), FreePkcs12>;

base::Status cannot_be_opened() {
  const unsigned long error = ERR_peek_error();
  if (ERR_GET_REASON(error) == PKCS12_R_MAC_VERIFY_FAILURE) {
    return base::invalid_argument(
        "the PKCS#12 file cannot be opened: the password (clientKeyPassword) is wrong");
  }
  return base::invalid_argument(
      "the PKCS#12 file cannot be opened: its encryption is one that OpenSSL 3 no longer has (RC2, "
      "3DES), or it is damaged; create it again with openssl pkcs12 -export");
}

}  // namespace

bool is_der(std::string_view bytes) {
  // A SEQUENCE whose length takes at least two bytes; PEM does not begin with "0" (0x30).
  return bytes.size() > 4 && bytes[0] == '\x30' &&
         (static_cast<unsigned char>(bytes[1]) & 0x80U) != 0;
}

base::Result<KeyPair> read_pkcs12(std::string_view bytes, const base::Secret& passphrase) {
  const ErrorQueueScope errors;
  const std::string copy(bytes);
  const BioPtr in = memory_bio(copy);
  const Pkcs12Ptr file(in ? d2i_PKCS12_bio(in.get(), nullptr) : nullptr);
  if (!file) {
    return base::invalid_argument(
        "is neither PEM text nor a PKCS#12 file; convert a certificate in DER with openssl x509 "
        "-inform der -in FILE");
  }
  EVP_PKEY* key_out = nullptr;
  X509* certificate_out = nullptr;
  STACK_OF(X509)* chain_out = nullptr;
  ERR_clear_error();
  if (PKCS12_parse(file.get(), passphrase.reveal().c_str(), &key_out, &certificate_out,
                   &chain_out) != 1) {
    return cannot_be_opened();
  }
  const KeyPtr key(key_out);
  const CertificatePtr certificate(certificate_out);
  const ChainPtr chain(chain_out);
  if (!key || !certificate) {
    return base::invalid_argument(
        "the PKCS#12 file does not hold a private key and its certificate");
  }
  const BioPtr out(BIO_new(BIO_s_mem()));
  bool written = out && PEM_write_bio_X509(out.get(), certificate.get()) == 1;
  for (int i = 0; written && chain && i < sk_X509_num(chain.get()); ++i) {
    written = PEM_write_bio_X509(out.get(), sk_X509_value(chain.get(), i)) == 1;
  }
  if (!written) return base::internal_error("the certificate cannot be written as PEM");
  auto key_pem = write_private_key(key.get());
  if (!key_pem.ok()) return key_pem.status();
  return KeyPair{text_of(out.get()), std::move(key_pem).value()};
}

}  // namespace dapr_mqtt::credentials
