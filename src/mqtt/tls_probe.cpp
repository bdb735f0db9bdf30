#include "mqtt/tls_probe.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include <memory>
#include <string>

#include "dapr_mqtt/base/text.h"
#include "mqtt/wait_fd.h"

namespace dapr_mqtt::mqtt {
namespace {

using base::Status;

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using Context = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, Deleter<SSL_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;

constexpr const char* kFailed = "TLS verification failed: ";
constexpr const char* kTrust = "; set caCert to the certificate of the CA that signed the broker's";

Status untrusted(long verify_result, bool own_ca) {
  const std::string reason = X509_verify_cert_error_string(verify_result);
  switch (verify_result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return base::unavailable(std::string(kFailed) +
                               "the broker's certificate (or one of its chain) has expired");
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return base::unavailable(
          std::string(kFailed) +
          "the broker's certificate is not valid yet: check this machine's clock");
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return base::unavailable(
          std::string(kFailed) +
          "the broker's certificate is self-signed or signed by an unknown CA (" + reason + ")" +
          kTrust);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return base::unavailable(std::string(kFailed) +
                               "the broker's certificate is signed by an unknown CA (" + reason +
                               ")" + (own_ca ? "; caCert holds another CA's certificate" : kTrust));
    default: return base::unavailable(kFailed + reason);
  }
}

/// What the broker's alert, or OpenSSL's own complaint, means to a user.
std::optional<Status> from_reason(int reason, bool has_client_cert) {
  switch (reason) {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return base::unauthenticated(
          "TLS: the broker requires a client certificate: set clientCert and clientKey");
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
      return base::unauthenticated(
          has_client_cert
              ? "TLS: the broker broke the handshake off: it rejects the client certificate or has "
                "no "
                "cipher in common (handshake failure alert)"
              : "TLS: the broker broke the handshake off (handshake failure alert): it most likely "
                "requires a client certificate: set clientCert and clientKey");
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      return base::unauthenticated(
          "TLS: the broker rejects the client certificate: it does not know the CA that signed it");
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
      return base::unauthenticated(
          "TLS: the broker rejects the client certificate: it has expired");
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
      return base::unauthenticated("TLS: the broker rejects the client certificate: it is revoked");
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
      return base::unauthenticated("TLS: the broker rejects the client certificate");
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_UNEXPECTED_MESSAGE:
      return base::unavailable(
          "what answers there does not speak TLS: use the broker's TLS port, or tcp:// in url");
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      return base::unavailable("TLS: no protocol version in common with the broker");
    default: return std::nullopt;
  }
}

std::optional<Status> from_queue(bool has_client_cert) {
  const unsigned long error = ERR_peek_error();
  if (error == 0) return std::nullopt;
  if (auto known = from_reason(ERR_GET_REASON(error), has_client_cert)) return known;
  const char* text = ERR_reason_error_string(error);
  return base::unavailable(std::string("TLS handshake failed: ") +
                           (text != nullptr ? text : "unknown reason"));
}

Context make_context(const TlsFiles& files) {
  Context context(SSL_CTX_new(TLS_client_method()));
  if (!context) return context;
  SSL_CTX_set_security_level(context.get(), 1);  // as Paho
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  bool good = files.ca.path().empty() ? SSL_CTX_set_default_verify_paths(context.get()) == 1
                                      : SSL_CTX_load_verify_locations(
                                            context.get(), files.ca.path().c_str(), nullptr) == 1;
  if (!files.cert.path().empty()) {
    good =
        good && SSL_CTX_use_certificate_chain_file(context.get(), files.cert.path().c_str()) == 1 &&
        SSL_CTX_use_PrivateKey_file(context.get(), files.key.path().c_str(), SSL_FILETYPE_PEM) == 1;
  }
  if (!good) context.reset();
  return context;
}

/// Repeats `call` until it neither wants to read nor to write. OpenSSL's error, or
/// SSL_ERROR_WANT_READ when time is up.
template <typename Call>
int until_done(SSL* session, int fd, base::TimePoint deadline, Call call) {
  for (;;) {
    ERR_clear_error();
    const int result = call();
    const int error = SSL_get_error(session, result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return error;
    if (!wait_fd(fd, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline))
      return SSL_ERROR_WANT_READ;
  }
}

std::optional<Status> check_host(SSL* session, const std::string& host) {
  const Certificate certificate(SSL_get1_peer_certificate(session));
  // The two questions that Paho asks.
  if (X509_check_host(certificate.get(), host.c_str(), host.size(), 0, nullptr) == 1 ||
      X509_check_ip_asc(certificate.get(), host.c_str(), 0) == 1) {
    return std::nullopt;
  }
  return base::unavailable(std::string(kFailed) + "the broker's certificate is not made out for " +
                           base::quote(host) + " (host name mismatch)");
}

std::string one_line(const X509_NAME* name) {
  std::string out;
  const std::unique_ptr<BIO, Deleter<BIO_free_all>> text(BIO_new(BIO_s_mem()));
  if (!text || X509_NAME_print_ex(text.get(), name, 0, XN_FLAG_RFC2253) < 0) return out;
  const char* data = nullptr;
  const long size = BIO_get_mem_data(text.get(), &data);
  out.assign(data, static_cast<std::size_t>(size));
  return out;
}

std::string alternative_names(X509* certificate) {
  std::string out;
  const std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    std::string text;
    if (name->type == GEN_DNS) {
      text.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                  static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
    } else if (name->type == GEN_IPADD) {
      const int bytes = ASN1_STRING_length(name->d.iPAddress);
      char address[INET6_ADDRSTRLEN] = "";
      ::inet_ntop(bytes == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(name->d.iPAddress),
                  address, sizeof address);
      text = address;
    }
    if (!text.empty()) out += (out.empty() ? "" : ", ") + text;
  }
  return out;
}

TlsSight sight_of(SSL* session) {
  TlsSight sight;
  sight.protocol = SSL_get_version(session);
  sight.cipher = SSL_get_cipher_name(session);
  const Certificate certificate(SSL_get1_peer_certificate(session));
  if (!certificate) return sight;
  sight.subject = one_line(X509_get_subject_name(certificate.get()));
  sight.issuer = one_line(X509_get_issuer_name(certificate.get()));
  sight.names = alternative_names(certificate.get());
  std::tm end{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &end) == 1) {
    sight.not_after = ::timegm(&end);
  }
  if (const auto* chain = SSL_get0_verified_chain(session)) sight.chain = sk_X509_num(chain);
  return sight;
}

}  // namespace

std::optional<Status> probe_tls(int fd, const core::Endpoint& endpoint, const TlsFiles& files,
                                bool await_alert, base::TimePoint deadline,
                                TlsSight* sight) {
  const bool has_client_cert = !files.cert.path().empty();
  ERR_clear_error();
  const Context context = make_context(files);
  if (!context) return from_queue(has_client_cert);
  const Session session(SSL_new(context.get()));
  if (!session || SSL_set_fd(session.get(), fd) != 1) return from_queue(has_client_cert);
  SSL_set_tlsext_host_name(session.get(), endpoint.host.c_str());

  switch (until_done(session.get(), fd, deadline, [&] { return SSL_connect(session.get()); })) {
    case SSL_ERROR_NONE: break;
    case SSL_ERROR_WANT_READ:
      return base::unavailable(
          "the broker accepts TCP connections but does not answer the TLS handshake");
    default: {
      const long verified = SSL_get_verify_result(session.get());
      if (verified != X509_V_OK) return untrusted(verified, !files.ca.path().empty());
      const unsigned long error = ERR_peek_error();
      if (error == 0 || ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        return base::unavailable(
            "the broker closed the connection during the TLS handshake: it probably does not speak "
            "TLS on "
            "this port (use its TLS port, or tcp:// in url)");
      }
      return from_queue(has_client_cert);
    }
  }
  if (sight != nullptr) *sight = sight_of(session.get());
  if (auto mismatch = check_host(session.get(), endpoint.host)) return mismatch;
  if (!await_alert) return std::nullopt;
  char byte = 0;
  if (until_done(session.get(), fd, deadline, [&] { return SSL_read(session.get(), &byte, 1); }) ==
      SSL_ERROR_SSL) {
    return from_reason(ERR_GET_REASON(ERR_peek_error()), has_client_cert);
  }
  return std::nullopt;
}

}  // namespace dapr_mqtt::mqtt
