#include "transport/tls_details.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>

#include <memory>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::transport {
namespace {

constexpr std::time_t kDay = 24 * 60 * 60;
constexpr std::time_t kSoon = 14 * kDay;

std::string one_line(const X509_NAME* name) {
  const Bio text(BIO_new(BIO_s_mem()));
  if (!text || X509_NAME_print_ex(text.get(), name, 0, XN_FLAG_RFC2253) < 0) return {};
  const char* data = nullptr;
  const long size = BIO_get_mem_data(text.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string text_of(const GENERAL_NAME* name) {
  if (name->type == GEN_DNS) {
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
            static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName))};
  }
  if (name->type != GEN_IPADD) return {};
  const int bytes = ASN1_STRING_length(name->d.iPAddress);
  if (bytes != 4 && bytes != 16) return {};
  char address[INET6_ADDRSTRLEN] = "";
  ::inet_ntop(bytes == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(name->d.iPAddress), address,
              sizeof address);
  return address;
}

}  // namespace

std::string names_of(const X509* certificate) {
  std::string out;
  const std::unique_ptr<GENERAL_NAMES, OpenSslDeleter<GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const std::string text = text_of(sk_GENERAL_NAME_value(names.get(), i));
    if (!text.empty()) out += (out.empty() ? "" : ", ") + text;
  }
  return out.empty() ? one_line(X509_get_subject_name(certificate)) : out;
}

TlsDetails details_of(const SSL* session) {
  TlsDetails details;
  details.protocol = SSL_get_version(session);
  details.cipher = SSL_get_cipher_name(session);
  const unsigned char* alpn = nullptr;
  unsigned int alpn_size = 0;
  SSL_get0_alpn_selected(session, &alpn, &alpn_size);
  if (alpn != nullptr) details.alpn.assign(reinterpret_cast<const char*>(alpn), alpn_size);
  const Certificate certificate(SSL_get1_peer_certificate(session));
  if (!certificate) return details;
  details.subject = one_line(X509_get_subject_name(certificate.get()));
  details.issuer = one_line(X509_get_issuer_name(certificate.get()));
  details.names = names_of(certificate.get());
  std::tm end{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &end) == 1)
    details.not_after = ::timegm(&end);
  if (const auto* chain = SSL_get0_verified_chain(session)) details.chain = sk_X509_num(chain);
  return details;
}

std::string TlsDetails::summary() const {
  char until[16] = "?";
  std::tm end{};
  if (::gmtime_r(&not_after, &end) != nullptr) std::strftime(until, sizeof until, "%Y-%m-%d", &end);
  return protocol + ", " + cipher + (alpn.empty() ? "" : ", ALPN " + base::quote(alpn, 64)) +
         "; certificate of " + subject + " for " + names + ", issued by " + issuer +
         ", valid until " + until + ", chain of " + std::to_string(chain);
}

std::string TlsDetails::expiry_warning(std::time_t now) const {
  const std::time_t left = not_after - now;
  if (left >= kSoon) return {};
  if (left < 2 * kDay) {
    return "the broker's certificate expires in " + std::to_string(left / 3600) +
           " hours: renew it";
  }
  return "the broker's certificate expires in " + std::to_string(left / kDay) + " days: renew it";
}

}  // namespace dapr_mqtt::transport
