// caCert, clientCert and clientKey.
#include <algorithm>

#include "parsed.h"
#include "support/certificates.h"

namespace dapr_mqtt::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

class TlsMaterial : public ::testing::Test {
 protected:
  const testing::CertificateAuthority ca_;
  const testing::Identity client_ = ca_.client();
};

TEST_F(TlsMaterial, Comes_out_the_same_however_the_line_breaks_are_written) {
  const std::string indented = "\n  " + replaced(ca_.pem(), "\n", "\n    ");
  for (const std::string& written :
       {ca_.pem(), replaced(ca_.pem(), "\n", "\\n"), replaced(ca_.pem(), "\n", "\\r\\n"),
        replaced(ca_.pem(), "\n", "\r\n"), replaced(ca_.pem(), "\n", "\\\\n"), indented,
        "a comment\n" + ca_.pem() + "another\n"}) {
    EXPECT_EQ(settings_of(tls({{"caCert", written}})).connection.tls.ca_pem, ca_.pem()) << written;
  }
}

TEST_F(TlsMaterial, Takes_several_cas_and_a_chain) {
  const testing::CertificateAuthority other("other CA");
  const std::string cas = ca_.pem() + other.pem();
  const std::string chain = client_.cert_pem + ca_.pem();
  const auto settings =
      settings_of(tls({{"caCert", cas}, {"clientCert", chain}, {"clientKey", client_.key_pem}}));
  EXPECT_EQ(settings.connection.tls.ca_pem, cas);
  EXPECT_EQ(settings.connection.tls.cert_pem, chain);
  EXPECT_EQ(settings.connection.tls.key_pem.reveal(), client_.key_pem);
  EXPECT_THAT(settings.warnings, IsEmpty());
}

TEST_F(TlsMaterial, Takes_a_key_with_escaped_line_breaks) {
  const auto settings = settings_of(tls({{"clientCert", replaced(client_.cert_pem, "\n", "\\n")},
                                         {"clientKey", replaced(client_.key_pem, "\n", "\\n")}}));
  EXPECT_EQ(settings.connection.tls.key_pem.reveal(), client_.key_pem);
}

TEST_F(TlsMaterial, Refuses_text_that_is_no_pem) {
  EXPECT_THAT(
      problem_of(tls({{"caCert", "/etc/ssl/ca.pem"}})),
      HasSubstr("caCert: holds no PEM block (-----BEGIN CERTIFICATE-----); the value is the "
                "PEM text itself, not a file's name"));
  EXPECT_THAT(problem_of(tls({{"caCert", client_.key_pem}})),
              HasSubstr("caCert: holds no PEM block"));
  EXPECT_THAT(
      problem_of(tls({{"caCert", "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----"}})),
      HasSubstr("caCert: certificate 1 does not parse"));
}

TEST_F(TlsMaterial, Refuses_a_broken_certificate_behind_a_good_one) {
  const std::string cut = ca_.pem() + ca_.pem().substr(0, ca_.pem().size() / 2);
  EXPECT_THAT(problem_of(tls({{"caCert", cut}})),
              HasSubstr("caCert: certificate 2 does not parse"));
}

TEST_F(TlsMaterial, Says_what_to_do_when_the_line_breaks_were_lost) {
  EXPECT_THAT(problem_of(tls({{"caCert", replaced(ca_.pem(), "\n", " ")}})),
              HasSubstr("certificate 1 does not parse; if its line breaks were lost"));
}

TEST_F(TlsMaterial, Refuses_a_key_that_does_not_parse_without_showing_it) {
  std::string broken = client_.key_pem;
  std::reverse(broken.begin() + 40, broken.begin() + 60);
  broken.erase(70, 30);
  const std::string text =
      problem_of(tls({{"clientCert", client_.cert_pem}, {"clientKey", broken}}));
  EXPECT_THAT(text, HasSubstr("clientKey: the key does not parse"));
  EXPECT_THAT(text, Not(HasSubstr(client_.key_pem.substr(30, 10))));
  EXPECT_THAT(
      problem_of(tls({{"clientCert", client_.cert_pem}, {"clientKey", "hunter2"}})),
      ::testing::AllOf(HasSubstr("clientKey: holds no PEM block"), Not(HasSubstr("hunter2"))));
}

TEST_F(TlsMaterial, Refuses_an_encrypted_key_and_says_so) {
  for (
      const char* key :
      {"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----",
       "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nMIIB\n"
       "-----END RSA PRIVATE KEY-----"}) {
    EXPECT_THAT(problem_of(tls({{"clientCert", client_.cert_pem}, {"clientKey", key}})),
                HasSubstr("clientKey: the key is encrypted: set clientKeyPassword"));
  }
}

TEST_F(TlsMaterial, Needs_certificate_and_key_together) {
  EXPECT_THAT(problem_of(tls({{"clientCert", client_.cert_pem}})),
              HasSubstr("clientCert: needs clientKey"));
  EXPECT_THAT(problem_of(tls({{"clientKey", client_.key_pem}})),
              HasSubstr("clientKey: needs clientCert"));
}

TEST_F(TlsMaterial, Refuses_a_key_of_another_certificate) {
  const testing::Identity other = ca_.client("other");
  EXPECT_THAT(problem_of(tls({{"clientCert", client_.cert_pem}, {"clientKey", other.key_pem}})),
              HasSubstr("clientKey: does not belong to the certificate in clientCert"));
}

TEST_F(TlsMaterial, Says_when_the_chain_is_in_the_wrong_order) {
  EXPECT_THAT(
      problem_of(
          tls({{"clientCert", ca_.pem() + client_.cert_pem}, {"clientKey", client_.key_pem}})),
      HasSubstr("clientKey: belongs to certificate 2 of clientCert; the client's own certificate "
                "comes first"));
}

TEST_F(TlsMaterial, Warns_of_an_expired_certificate_with_its_date) {
  const testing::Identity expired = ca_.expired_client("late");
  const auto settings =
      settings_of(tls({{"clientCert", expired.cert_pem}, {"clientKey", expired.key_pem}}));
  EXPECT_THAT(settings.warnings,
              ElementsAre(MatchesRegex("clientCert: certificate \".*late\" expired on "
                                       "[0-9]{4}-[0-9]{2}-[0-9]{2}")));
}

TEST_F(TlsMaterial, Warns_of_a_certificate_whose_end_cannot_be_read) {
  const testing::Identity odd = ca_.client_without_end("odd");
  const auto metadata = tls({{"clientCert", odd.cert_pem}, {"clientKey", odd.key_pem}});
  // OpenSSL of Debian 13 does not parse such a certificate at all.
  if (!check_component_metadata(metadata).problems.empty()) {
    EXPECT_THAT(problem_of(metadata), HasSubstr("clientCert: certificate 1 does not parse"));
    return;
  }
  EXPECT_THAT(
      settings_of(metadata).warnings,
      ElementsAre(MatchesRegex("clientCert: certificate \".*odd\" has a validity that cannot "
                               "be read: TLS will not accept it")));
}

TEST_F(TlsMaterial, Warns_when_the_url_does_not_ask_for_tls) {
  EXPECT_THAT(settings_of(metadata({{"caCert", ca_.pem()}})).warnings,
              ElementsAre(HasSubstr("caCert: has no effect, since url does not ask for TLS")));
  EXPECT_THAT(settings_of(metadata({{"url", "tcp://a,wss://b"}, {"caCert", ca_.pem()}})).warnings,
              IsEmpty());
}

}  // namespace
}  // namespace dapr_mqtt::config
