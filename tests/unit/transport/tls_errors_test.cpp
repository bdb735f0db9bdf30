// Texts for failures that a test server cannot easily cause.
#include "transport/tls_errors.h"

#include <gmock/gmock.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "transport/tls_details.h"

namespace dapr_mqtt::transport {
namespace {

using base::ErrorKind;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string verification(long result, bool has_own_ca = false) {
  TlsFailure failure;
  failure.verify_result = result;
  failure.has_own_ca = has_own_ca;
  return handshake_failure(failure).message();
}

TEST(TlsErrors, Verification_results_say_what_to_do) {
  EXPECT_THAT(verification(X509_V_ERR_CERT_NOT_YET_VALID), HasSubstr("this machine's clock"));
  EXPECT_THAT(verification(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY), HasSubstr("set caCert"));
  EXPECT_THAT(verification(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, true),
              HasSubstr("caCert holds another CA's"));
  EXPECT_THAT(verification(X509_V_ERR_EE_KEY_TOO_SMALL), HasSubstr("too weak"));
  EXPECT_THAT(verification(X509_V_ERR_CERT_REVOKED), HasSubstr("revoked"));
}

TEST(TlsErrors, Alerts_about_the_client_certificate_are_unauthenticated) {
  for (const int reason :
       {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
        SSL_R_TLSV1_ALERT_UNKNOWN_CA, SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED}) {
    TlsFailure failure;
    failure.reason = reason;
    const auto status = handshake_failure(failure);
    EXPECT_EQ(status.kind(), ErrorKind::kUnauthenticated);
    // The same text where TLS 1.3 reports it later.
    EXPECT_EQ(stream_failure(reason, false).message(), status.message());
  }
}

TEST(TlsErrors, Alert_about_a_certificate_that_was_not_sent_means_that_one_is_required) {
  for (const int reason :
       {SSL_R_TLSV1_ALERT_UNKNOWN_CA, SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
        SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,
        SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN,
        SSL_R_TLSV1_ALERT_ACCESS_DENIED}) {
    const auto without = stream_failure(reason, false);
    EXPECT_EQ(without.kind(), ErrorKind::kUnauthenticated);
    EXPECT_THAT(without.message(),
                AllOf(HasSubstr("requires a client certificate: set clientCert and clientKey"),
                      Not(HasSubstr("rejects"))));
    EXPECT_THAT(stream_failure(reason, true).message(),
                HasSubstr("the broker rejects the client certificate"));
  }
  // It is about the handshake's keys.
  EXPECT_EQ(stream_failure(SSL_R_TLSV1_ALERT_DECRYPT_ERROR, false).kind(), ErrorKind::kUnavailable);
  EXPECT_THAT(stream_failure(SSL_R_TLSV1_ALERT_DECRYPT_ERROR, true).message(),
              HasSubstr("the broker rejects the client certificate"));
}

TEST(TlsErrors, Other_reasons_are_openssls) {
  TlsFailure failure;
  failure.reason = SSL_R_BAD_EXTENSION;
  ASSERT_EQ(OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS, nullptr),
            1);  // loads the error texts, as any connection does
  EXPECT_EQ(handshake_failure(failure).message(), "TLS handshake failed: bad extension");
  EXPECT_EQ(stream_failure(SSL_R_BAD_EXTENSION, false).message(),
            "the connection broke: TLS: bad extension");
}

TEST(TlsDetails, Certificate_that_expires_soon_is_a_warning) {
  constexpr std::time_t kDay = 24 * 60 * 60;
  TlsDetails details;
  details.not_after = 100 * kDay;
  EXPECT_EQ(details.expiry_warning(0), "");
  EXPECT_THAT(details.expiry_warning(97 * kDay), HasSubstr("expires in 3 days"));
}

}  // namespace
}  // namespace dapr_mqtt::transport
