// Files with passwords, certificates, keys and tokens: read, checked, or refused with the reason.
#include "dapr_mqtt/credentials/credentials.h"

#include <gmock/gmock.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <sys/stat.h>

#include <fstream>
#include <memory>

#include "dapr_mqtt/base/encoding.h"
#include "support/certificates.h"
#include "support/scratch_folder.h"

namespace dapr_mqtt::credentials {
namespace {

using ::testing::AllOf;
using testing::CertificateAuthority;
using ::testing::HasSubstr;
using testing::Identity;
using ::testing::Not;
using What = core::CredentialExpiry::What;

class CredentialFilesTest : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& content) {
    std::ofstream(folder_.file(name), std::ios::binary) << content;
    return folder_.file(name);
  }
  Credentials good() {
    auto read = read_credentials(options_);
    EXPECT_TRUE(read.ok()) << read.status().message();
    return read.ok() ? std::move(read).value() : Credentials();
  }
  std::string problem() {
    const base::Status status = read_credentials(options_).status();
    EXPECT_EQ(status.kind(), base::ErrorKind::kFailedPrecondition);
    EXPECT_THAT(status.message(), Not(HasSubstr("hush")));
    return status.message();
  }
  void use_pair(const std::string& cert, const std::string& key) {
    options_.files.client_cert = write("tls.crt", cert);
    options_.files.client_key = write("tls.key", key);
  }

  using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
  using Cert = std::unique_ptr<X509, decltype(&X509_free)>;
  using Memory = std::unique_ptr<BIO, decltype(&BIO_free)>;
  static Key key_of(const std::string& pem) {
    const Memory in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
    return {PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr), EVP_PKEY_free};
  }
  static std::string content(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(size)};
  }
  static std::string encrypted(const std::string& pem, const std::string& passphrase,
                               bool traditional) {
    const Memory out(BIO_new(BIO_s_mem()), BIO_free);
    auto* text = reinterpret_cast<unsigned char*>(const_cast<char*>(passphrase.data()));
    const int size = static_cast<int>(passphrase.size());
    const auto write =
        traditional ? PEM_write_bio_PrivateKey_traditional : PEM_write_bio_PrivateKey;
    EXPECT_EQ(write(out.get(), key_of(pem).get(), EVP_aes_256_cbc(), text, size, nullptr, nullptr),
              1);
    return content(out.get());
  }
  static std::string der_certificate(const std::string& pem) {
    const Memory in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
    const Cert cert(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr), X509_free);
    const Memory out(BIO_new(BIO_s_mem()), BIO_free);
    EXPECT_EQ(i2d_X509_bio(out.get(), cert.get()), 1);
    return content(out.get());
  }
  static std::string der_key(const std::string& pem) {
    const Memory out(BIO_new(BIO_s_mem()), BIO_free);
    EXPECT_EQ(i2d_PrivateKey_bio(out.get(), key_of(pem).get()), 1);
    return content(out.get());
  }
  static std::string pkcs12(const Identity& identity, const std::string& passphrase) {
    const Memory in(BIO_new_mem_buf(identity.cert_pem.data(), -1), BIO_free);
    const Cert cert(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr), X509_free);
    const std::unique_ptr<PKCS12, decltype(&PKCS12_free)> file(
        PKCS12_create(passphrase.c_str(), "me", key_of(identity.key_pem).get(), cert.get(), nullptr,
                      0, 0, 0, 0, 0),
        PKCS12_free);
    const Memory out(BIO_new(BIO_s_mem()), BIO_free);
    EXPECT_EQ(i2d_PKCS12_bio(out.get(), file.get()), 1);
    return content(out.get());
  }

  const CertificateAuthority ca_;
  const Identity client_ = ca_.client();
  const testing::ScratchFolder folder_;
  core::ConnectionOptions options_;
};

TEST_F(CredentialFilesTest, Are_read_as_the_settings_name_them) {
  options_.files.password = write("password", "hush\n");
  options_.files.ca_cert = write("ca.crt", ca_.pem());
  use_pair(client_.cert_pem, client_.key_pem);
  const Credentials read = good();
  EXPECT_EQ(read.password.reveal(), "hush");
  EXPECT_EQ(read.tls.ca_pem, ca_.pem());
  EXPECT_EQ(read.tls.cert_pem, client_.cert_pem);
  EXPECT_EQ(read.tls.key_pem.reveal(), client_.key_pem);
  ASSERT_EQ(read.expiries.size(), 2U);
  EXPECT_EQ(read.expiries[0].what, What::kClientCertificate);
  EXPECT_TRUE(read.same_as(good()));
  write("password", "hush!");
  EXPECT_FALSE(read.same_as(good()));
}

TEST_F(CredentialFilesTest, Values_stay_where_no_file_is_named) {
  options_.password = base::Secret("hush");
  options_.tls.ca_pem = ca_.pem();
  const Credentials read = good();
  EXPECT_EQ(read.password.reveal(), "hush");
  EXPECT_EQ(read.tls.ca_pem, ca_.pem());
}

TEST_F(CredentialFilesTest, That_cannot_be_read_are_named_with_the_reason) {
  options_.files.password = folder_.file("missing");
  EXPECT_THAT(problem(), AllOf(HasSubstr("passwordFile " + folder_.file("missing")),
                               HasSubstr("there is no such file")));
  options_.files.password = folder_.path().string();
  EXPECT_THAT(problem(), HasSubstr("not a file"));
  options_.files.password = folder_.file("pipe");
  ASSERT_EQ(::mkfifo(options_.files.password.c_str(), 0600), 0);
  EXPECT_THAT(problem(), HasSubstr("not a file"));
  options_.files.password = write("empty", "");
  EXPECT_THAT(problem(), HasSubstr("is empty"));
  options_.files.password = write("blank", "\n");
  EXPECT_THAT(problem(), HasSubstr("is empty"));
  options_.files.password = write("long", std::string(70'000, 'x'));
  EXPECT_THAT(problem(), HasSubstr("65535"));
  options_.files.password = write("longer", std::string(2U << 20U, 'x'));
  EXPECT_THAT(problem(), HasSubstr("1 MiB"));
}

TEST_F(CredentialFilesTest, Half_written_certificates_and_keys_are_refused) {
  for (std::size_t size = 1; size < client_.cert_pem.size() - 1; size += 37) {
    use_pair(client_.cert_pem.substr(0, size), client_.key_pem);
    EXPECT_THAT(problem(), HasSubstr("clientCertFile ")) << size;
  }
  for (std::size_t size = 1; size < client_.key_pem.size() - 1; size += 37) {
    use_pair(client_.cert_pem, client_.key_pem.substr(0, size));
    EXPECT_THAT(problem(), HasSubstr("clientKeyFile ")) << size;
  }
}

TEST_F(CredentialFilesTest, Binary_files_are_named_so_with_the_command_that_converts_them) {
  options_.files.ca_cert = write("ca.der", der_certificate(ca_.pem()));
  EXPECT_THAT(problem(), AllOf(HasSubstr("caCertFile "), HasSubstr("DER"),
                               HasSubstr("openssl x509 -inform der"), Not(HasSubstr("value"))));
  options_.files.ca_cert.clear();
  use_pair(der_certificate(client_.cert_pem), client_.key_pem);
  EXPECT_THAT(problem(), AllOf(HasSubstr("clientCertFile "), HasSubstr("openssl x509")));
  for (const std::string& key :
       {der_key(client_.key_pem), pkcs12(client_, "pass"), std::string("\x30\x2e\2\1\0", 5)}) {
    use_pair(client_.cert_pem, key);
    EXPECT_THAT(problem(), AllOf(HasSubstr("clientKeyFile "), HasSubstr("DER"),
                                 HasSubstr("openssl pkey -inform der"), HasSubstr("clientCertFile"),
                                 Not(HasSubstr("value"))));
  }
}

TEST_F(CredentialFilesTest, Damaged_or_other_text_gets_no_advice_on_values_of_YAML) {
  const auto no_advice = AllOf(Not(HasSubstr("YAML")), Not(HasSubstr("value")));
  options_.files.ca_cert = write("ca.crt", "not a certificate");
  EXPECT_THAT(problem(), AllOf(HasSubstr("holds no PEM block"), no_advice));
  std::string damaged = ca_.pem();
  damaged[damaged.size() / 2] = '!';
  options_.files.ca_cert = write("ca.crt", damaged);
  EXPECT_THAT(problem(), AllOf(HasSubstr("certificate 1 does not parse"), no_advice));
  options_.files.ca_cert.clear();
  damaged = client_.key_pem;
  damaged[damaged.size() / 2] = '!';
  use_pair(client_.cert_pem, damaged);
  EXPECT_THAT(problem(), AllOf(HasSubstr("the key does not parse"), no_advice));
}

TEST_F(CredentialFilesTest, Key_of_another_certificate_is_refused) {
  use_pair(client_.cert_pem, ca_.client("another").key_pem);
  EXPECT_THAT(problem(), AllOf(HasSubstr("clientKeyFile "),
                               HasSubstr("does not belong to the certificate in clientCertFile ")));
}

TEST_F(CredentialFilesTest, Encrypted_key_needs_its_passphrase) {
  for (const bool traditional : {false, true}) {
    use_pair(client_.cert_pem, encrypted(client_.key_pem, "hush", traditional));
    options_.key_password = {};
    EXPECT_THAT(problem(), HasSubstr("set clientKeyPassword or clientKeyPasswordFile"));
    options_.key_password = base::Secret("wrong");
    EXPECT_THAT(problem(), HasSubstr("the passphrase (clientKeyPassword) is wrong"));
    options_.key_password = base::Secret("hush");
    EXPECT_THAT(good().tls.key_pem.reveal(), HasSubstr("-----BEGIN PRIVATE KEY-----"));
    options_.key_password = {};
    options_.files.client_key_password = write("passphrase", "hush\n");
    EXPECT_THAT(good().tls.key_pem.reveal(), HasSubstr("-----BEGIN PRIVATE KEY-----"));
    options_.files.client_key_password.clear();
  }
}

TEST_F(CredentialFilesTest, Pkcs12_brings_certificate_and_key) {
  options_.files.client_cert = write("client.p12", pkcs12(client_, "hush"));
  options_.key_password = base::Secret("hush");
  const Credentials read = good();
  EXPECT_EQ(read.tls.cert_pem, client_.cert_pem);
  EXPECT_EQ(read.tls.key_pem.reveal(), client_.key_pem);
  options_.key_password = base::Secret("wrong");
  EXPECT_THAT(problem(), HasSubstr("the password (clientKeyPassword) is wrong"));
  options_.files.client_cert = write("cut.p12", pkcs12(client_, "hush").substr(0, 200));
  EXPECT_THAT(problem(), HasSubstr("is neither PEM text nor a PKCS#12 file"));
}

TEST_F(CredentialFilesTest, Certificate_without_a_key_is_refused) {
  options_.files.client_cert = write("tls.crt", client_.cert_pem);
  EXPECT_THAT(problem(), HasSubstr("needs clientKeyFile or clientKey"));
}

std::string token(const std::string& claims) {
  std::string payload = base::to_base64(claims);
  while (payload.ends_with('=')) payload.pop_back();
  for (char& c : payload) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return "eyJhbGciOiJSUzI1NiJ9." + payload + ".c2lnbmF0dXJl";
}

TEST_F(CredentialFilesTest, Token_has_its_end_wherever_it_stands) {
  const std::string text =
      token(R"({"aud":["x"],"exp": 1900000000,"iat":1899996400,"sub":"~~~???"})");
  options_.files.auth_data = write("token", text);
  Credentials read = good();
  EXPECT_EQ(read.auth_data.reveal(), text);
  ASSERT_EQ(read.expiries.size(), 1U);
  EXPECT_EQ(read.expiries[0].what, What::kToken);
  EXPECT_EQ(read.expiries[0].at, base::WallTime(std::chrono::seconds(1900000000)));
  EXPECT_EQ(read.token_issued, base::WallTime(std::chrono::seconds(1899996400)));
  options_.files.auth_data.clear();
  options_.password = base::Secret(text);
  EXPECT_EQ(good().expiries.size(), 1U);
  for (const std::string& no_token :
       {std::string("a.b.c"), std::string("hush.hush"), token("{}"), token(R"({"exp":"soon"})"),
        token(R"({"exp":99999999999999999999})"), token("[1]"), std::string("..")}) {
    options_.password = base::Secret(no_token);
    EXPECT_TRUE(good().expiries.empty()) << no_token;
  }
}

TEST_F(CredentialFilesTest, Are_listed_for_the_log) {
  options_.files.password = "/p";
  options_.files.ca_cert = "/c";
  EXPECT_EQ(files_of(options_), "passwordFile /p, caCertFile /c");
}

}  // namespace
}  // namespace dapr_mqtt::credentials
