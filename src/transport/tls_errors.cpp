#include "transport/tls_errors.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::transport {
namespace {

using base::Status;

constexpr const char* kVerification = "TLS verification failed: ";
constexpr const char* kTrust = "; set caCert to the certificate of the CA that signed the broker's";

Status untrusted(const TlsFailure& failure) {
  const std::string reason = X509_verify_cert_error_string(failure.verify_result);
  const auto because = [](const std::string& text) {
    return base::unavailable(kVerification + text);
  };
  switch (failure.verify_result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return because("the broker's certificate (or one of its chain) has expired");
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return because("the broker's certificate is not valid yet: check this machine's clock");
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return because("the broker's certificate is self-signed or signed by an unknown CA (" +
                     reason + ")" + kTrust);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return because("the broker's certificate is signed by an unknown CA (" + reason + ")" +
                     (failure.has_own_ca
                          ? "; caCert holds another CA's certificate (caCertMode add trusts the "
                            "system's CAs too)"
                          : kTrust));
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return because("the broker's certificate is not valid for " + base::quote(failure.host) +
                     " (host name mismatch)" +
                     (failure.names.empty() ? "" : "; it is valid for " + failure.names) +
                     ": use such a name in url, or set tlsServerName to it");
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
      return because("the broker's certificate or its CA's is too weak (" + reason +
                     "): RSA needs 2048 bits, the signature SHA-256");
    default: return because(reason);
  }
}

std::string reason_text(int reason) {
  const char* text = ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, reason));
  return text != nullptr ? text : "unknown reason";
}

/// For alerts about a certificate that the client has not sent.
Status certificate_required(int reason) {
  return base::unauthenticated("TLS: the broker aborted the handshake (" + reason_text(reason) +
                               "): it most likely requires a client certificate: set clientCert "
                               "and clientKey");
}

std::optional<Status> client_certificate_rejected(int reason, bool has_client_cert) {
  const std::string rejects = "TLS: the broker rejects the client certificate";
  switch (reason) {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return base::unauthenticated(
          "TLS: the broker requires a client certificate: set clientCert and clientKey");
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
      return base::unauthenticated(
          has_client_cert
              ? "TLS: the broker aborted the handshake: it rejects the client certificate or has "
                "no cipher in common (handshake failure alert)"
              : "TLS: the broker aborted the handshake (handshake failure alert): it most likely "
                "requires a client certificate: set clientCert and clientKey");
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
      // Java brokers answer a missing certificate with bad_certificate.
      if (!has_client_cert) return certificate_required(reason);
      break;
    case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
      if (!has_client_cert) return std::nullopt;
      break;
    default: return std::nullopt;
  }
  switch (reason) {
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      return base::unauthenticated(rejects + ": it does not know the CA that signed it");
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
      return base::unauthenticated(rejects + ": it has expired");
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
      return base::unauthenticated(rejects + ": it is revoked");
    default: return base::unauthenticated(rejects);
  }
}

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ",") + text;
  return out;
}

}  // namespace

Status handshake_failure(const TlsFailure& failure) {
  if (failure.verify_result != X509_V_OK) return untrusted(failure);
  if (auto rejected = client_certificate_rejected(failure.reason, failure.has_client_cert))
    return *rejected;
  switch (failure.reason) {
    case 0:
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
      return base::unavailable(
          "the broker closed the connection during the TLS handshake: it probably does not speak "
          "TLS on this port (use its TLS port, or tcp:// in url)");
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_UNEXPECTED_MESSAGE:
      return base::unavailable(
          "the server there does not speak TLS: use the broker's TLS port, or tcp:// in url");
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      return base::unavailable(
          "TLS: no protocol version in common with the broker (needed: TLS 1.2 or 1.3, or what "
          "tlsMinVersion says)");
    case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
      return base::unavailable("TLS: the broker accepts none of the offered protocols (ALPN) " +
                               base::quote(joined(failure.alpn)) +
                               ": check alpn and the port in url");
    case SSL_R_TLSV1_UNRECOGNIZED_NAME:
      return base::unavailable("TLS: the broker does not know the server name " +
                               base::quote(failure.host) +
                               ": check the host in url, or tlsServerName");
    case SSL_R_DH_KEY_TOO_SMALL:
      return base::unavailable(
          "TLS: the broker's Diffie-Hellman parameters are too weak: they need 2048 bits");
    default: return base::unavailable("TLS handshake failed: " + reason_text(failure.reason));
  }
}

Status stream_failure(int reason, bool has_client_cert) {
  if (auto rejected = client_certificate_rejected(reason, has_client_cert)) return *rejected;
  return base::unavailable("the connection broke: TLS: " + reason_text(reason));
}

bool is_client_certificate_alert(int reason) {
  return client_certificate_rejected(reason, true).has_value();
}

}  // namespace dapr_mqtt::transport
