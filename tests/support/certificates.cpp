#include "support/certificates.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string_view>

namespace dapr_mqtt::testing {
namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Bio = std::unique_ptr<BIO, Deleter<BIO_vfree>>;

constexpr std::chrono::hours kDay{24};
constexpr const char* kLocalNames = "DNS:localhost,IP:127.0.0.1,IP:::1";

void require(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string("OpenSSL failed: ") + what);
}

Key make_key() {
  Key key(EVP_EC_gen("P-256"));
  require(key != nullptr, "EVP_EC_gen");
  return key;
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string to_pem(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  require(bio && PEM_write_bio_X509(bio.get(), certificate) == 1, "PEM_write_bio_X509");
  return text_of(bio.get());
}

std::string to_pem(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  require(
      bio && PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
      "PEM_write_bio_PrivateKey");
  return text_of(bio.get());
}

struct Spec {
  std::string common_name;
  std::string alternative_names;  ///< OpenSSL's notation; empty: none
  const char* basic_constraints = "critical,CA:FALSE";
  const char* key_usage = "critical,digitalSignature";
  const char* extended_key_usage = nullptr;
  std::chrono::seconds begins = -kDay;  ///< from now
  std::chrono::seconds ends = kYear;
  bool unreadable_end = false;

  Spec expired() && {
    begins = -30 * kDay;
    ends = -kDay;
    return std::move(*this);
  }
};

void add_extension(X509* certificate, X509* issuer, int id, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value);
  require(extension != nullptr, value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

/// `issuer` null: signs itself.
Certificate make_certificate(const Spec& spec, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key) {
  Certificate certificate(X509_new());
  require(certificate != nullptr, "X509_new");
  X509_set_version(certificate.get(), X509_VERSION_3);
  std::uint64_t serial = 0;
  require(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1, "RAND_bytes");
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial >> 1U);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), spec.begins.count());
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), spec.ends.count());
  if (spec.unreadable_end) ASN1_STRING_set(X509_getm_notAfter(certificate.get()), "never", -1);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(spec.common_name.c_str()), -1,
                             -1, 0);
  X509* signer = issuer != nullptr ? issuer : certificate.get();
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(signer));
  add_extension(certificate.get(), signer, NID_basic_constraints, spec.basic_constraints);
  add_extension(certificate.get(), signer, NID_key_usage, spec.key_usage);
  add_extension(certificate.get(), signer, NID_subject_key_identifier, "hash");
  add_extension(certificate.get(), signer, NID_authority_key_identifier, "keyid");
  if (spec.extended_key_usage != nullptr) {
    add_extension(certificate.get(), signer, NID_ext_key_usage, spec.extended_key_usage);
  }
  if (!spec.alternative_names.empty()) {
    add_extension(certificate.get(), signer, NID_subject_alt_name, spec.alternative_names.c_str());
  }
  require(X509_sign(certificate.get(), issuer != nullptr ? issuer_key : key, EVP_sha256()) > 0,
          "X509_sign");
  return certificate;
}

Spec server_spec(std::string alternative_names) {
  Spec spec;
  spec.common_name = "test-server";
  spec.alternative_names = std::move(alternative_names);
  spec.extended_key_usage = "serverAuth";
  return spec;
}

Spec client_spec(const std::string& common_name) {
  Spec spec;
  spec.common_name = common_name;
  spec.extended_key_usage = "clientAuth";
  return spec;
}

Spec ca_spec(const std::string& name) {
  Spec spec;
  spec.common_name = name;
  spec.basic_constraints = "critical,CA:TRUE";
  spec.key_usage = "critical,keyCertSign,cRLSign";
  return spec;
}

Identity issue(const Spec& spec, X509* issuer, EVP_PKEY* issuer_key) {
  const Key key = make_key();
  const Certificate certificate = make_certificate(spec, key.get(), issuer, issuer_key);
  return {to_pem(certificate.get()), to_pem(key.get())};
}

}  // namespace

struct CertificateAuthority::Keys {
  Key key;
  Certificate certificate;
  std::chrono::seconds validity = kYear;
  Identity issue(Spec spec) const {
    spec.ends = std::min(spec.ends, validity);
    return testing::issue(spec, certificate.get(), key.get());
  }
};

CertificateAuthority::CertificateAuthority(const std::string& name, std::chrono::seconds validity) {
  auto keys = std::make_shared<Keys>();
  keys->key = make_key();
  keys->validity = validity;
  Spec spec = ca_spec(name);
  spec.ends = validity;
  keys->certificate = make_certificate(spec, keys->key.get(), nullptr, nullptr);
  pem_ = to_pem(keys->certificate.get());
  keys_ = std::move(keys);
}

CertificateAuthority::CertificateAuthority(std::shared_ptr<const Keys> keys)
    : keys_(std::move(keys)), pem_(to_pem(keys_->certificate.get())) {}

CertificateAuthority CertificateAuthority::intermediate(const std::string& name) const {
  auto keys = std::make_shared<Keys>();
  keys->key = make_key();
  keys->certificate =
      make_certificate(ca_spec(name), keys->key.get(), keys_->certificate.get(), keys_->key.get());
  return CertificateAuthority(std::move(keys));
}

Identity CertificateAuthority::server() const { return keys_->issue(server_spec(kLocalNames)); }

Identity CertificateAuthority::server_for(const std::vector<std::string>& dns_names) const {
  std::string names;
  for (const std::string& name : dns_names) names += (names.empty() ? "DNS:" : ",DNS:") + name;
  return keys_->issue(server_spec(names));
}

Identity CertificateAuthority::expired_server() const {
  return keys_->issue(server_spec(kLocalNames).expired());
}

Identity CertificateAuthority::client(const std::string& common_name,
                                      std::chrono::seconds validity) const {
  Spec spec = client_spec(common_name);
  spec.ends = validity;
  return keys_->issue(std::move(spec));
}

Identity CertificateAuthority::expired_client(const std::string& common_name) const {
  return keys_->issue(client_spec(common_name).expired());
}

Identity CertificateAuthority::client_without_end(const std::string& common_name) const {
  Spec spec = client_spec(common_name);
  spec.unreadable_end = true;
  return keys_->issue(spec);
}

Identity self_signed_server() { return issue(server_spec(kLocalNames), nullptr, nullptr); }

}  // namespace dapr_mqtt::testing
