#include "dapr_mqtt/credentials/credentials.h"

#include <algorithm>
#include <array>
#include <utility>

#include "credentials/secret_file.h"
#include "credentials/token.h"
#include "dapr_mqtt/credentials/pem.h"

namespace dapr_mqtt::credentials {
namespace {

using base::Status;
using What = core::CredentialExpiry::What;

struct FileSetting {
  const char* name;
  std::string core::CredentialFiles::*path;
};
constexpr std::array<FileSetting, 6> kFileSettings = {{
    {"passwordFile", &core::CredentialFiles::password},
    {"caCertFile", &core::CredentialFiles::ca_cert},
    {"clientCertFile", &core::CredentialFiles::client_cert},
    {"clientKeyFile", &core::CredentialFiles::client_key},
    {"clientKeyPasswordFile", &core::CredentialFiles::client_key_password},
    {"authDataFile", &core::CredentialFiles::auth_data},
}};

/// MQTT's own limit for passwords and authentication data.
constexpr std::size_t kMaxMqttBinary = 65'535;

class Reader {
 public:
  explicit Reader(const core::ConnectionOptions& options)
      : options_(options), files_(options.files) {
    out_.password = options.password;
    out_.auth_data = options.auth_data;
    out_.tls = options.tls;
  }

  base::Result<Credentials> run() {
    text("passwordFile", files_.password, out_.password);
    text("authDataFile", files_.auth_data, out_.auth_data);
    base::Secret passphrase = options_.key_password;
    text("clientKeyPasswordFile", files_.client_key_password, passphrase);
    ca();
    if (status_.ok()) client_certificate(passphrase);
    if (!status_.ok()) return status_;
    note_expiries();
    return std::move(out_);
  }

 private:
  /// Only the first problem is kept: the others may follow from it.
  bool failed(const std::string& setting, const std::string& path, const Status& why) {
    if (why.ok()) return false;
    if (status_.ok()) {
      status_ = base::failed_precondition(setting + (path.empty() ? "" : " " + path) + ": " +
                                          why.message());
    }
    return true;
  }

  std::string read(const char* setting, const std::string& path) {
    auto content = read_secret_file(path);
    return failed(setting, path, content.status()) ? std::string() : std::move(content).value();
  }

  void text(const char* setting, const std::string& path, base::Secret& out) {
    if (path.empty() || !status_.ok()) return;
    std::string content = without_line_break(read(setting, path));
    if (!status_.ok()) return;
    if (content.empty()) return (void)failed(setting, path, base::failed_precondition("is empty"));
    if (content.size() > kMaxMqttBinary) {
      return (void)failed(setting, path,
                          base::failed_precondition("has more than the 65535 bytes that "
                                                    "MQTT allows"));
    }
    out = base::Secret(std::move(content));
  }

  std::string certificates(const char* setting, const std::string& path,
                           const std::string& content) {
    std::vector<std::string> warnings;  // not used: ExpiryWatch warns of these dates
    auto pem = read_certificates(content, warnings, Origin::kFile);
    return failed(setting, path, pem.status()) ? std::string() : std::move(pem).value();
  }

  void ca() {
    if (files_.ca_cert.empty() || !status_.ok()) return;
    const std::string content = read("caCertFile", files_.ca_cert);
    if (status_.ok()) out_.tls.ca_pem = certificates("caCertFile", files_.ca_cert, content);
  }

  void client_certificate(const base::Secret& passphrase) {
    bool has_key = false;
    if (!files_.client_cert.empty()) {
      const std::string content = read("clientCertFile", files_.client_cert);
      if (!status_.ok()) return;
      if (is_der(content)) {
        auto pair = read_pkcs12(content, passphrase);
        if (failed("clientCertFile", files_.client_cert, pair.status())) return;
        out_.tls.cert_pem = std::move(pair.value().cert_pem);
        out_.tls.key_pem = std::move(pair.value().key_pem);
        has_key = true;
      } else {
        out_.tls.cert_pem = certificates("clientCertFile", files_.client_cert, content);
        if (!status_.ok()) return;
      }
    }
    if (!files_.client_key.empty()) {
      key("clientKeyFile", files_.client_key, read("clientKeyFile", files_.client_key), passphrase);
    } else if (!has_key && !out_.tls.key_pem.empty()) {
      key("clientKey", "", out_.tls.key_pem.reveal(), passphrase);
    } else if (!has_key && !files_.client_cert.empty()) {
      failed("clientCertFile", files_.client_cert,
             base::failed_precondition("needs clientKeyFile or clientKey, the private key of this "
                                       "certificate, unless it is a PKCS#12 file"));
    }
  }

  void key(const char* setting, const std::string& path, const std::string& content,
           const base::Secret& passphrase) {
    if (!status_.ok()) return;
    auto pem = read_private_key(content, passphrase, path.empty() ? Origin::kValue : Origin::kFile);
    if (failed(setting, path, pem.status())) return;
    out_.tls.key_pem = std::move(pem).value();
    const bool from_file = !files_.client_cert.empty();
    const std::string certificate =
        from_file ? "clientCertFile " + files_.client_cert : std::string("clientCert");
    if (out_.tls.cert_pem.empty()) return;
    failed(setting, path, check_key_fits(out_.tls.cert_pem, out_.tls.key_pem, certificate));
  }

  void note_expiries() {
    if (const auto client = expiries_of(out_.tls.cert_pem)) {
      out_.expiries.push_back({What::kClientCertificate, client->first});
    }
    // During a change of CAs the file holds the old and the new one: the last to expire counts.
    if (const auto ca = expiries_of(out_.tls.ca_pem)) {
      out_.expiries.push_back({What::kCaCertificate, ca->last});
    }
    for (const base::Secret* secret : {&out_.auth_data, &out_.password}) {
      const auto times = token_times(secret->reveal());
      if (!times) continue;
      out_.expiries.push_back({What::kToken, times->expires});
      out_.token_issued = times->issued;
      break;
    }
  }

  const core::ConnectionOptions& options_;
  const core::CredentialFiles& files_;
  Credentials out_;
  Status status_;
};

}  // namespace

bool Credentials::same_as(const Credentials& other) const {
  return password.same_as(other.password) && auth_data.same_as(other.auth_data) &&
         tls.ca_pem == other.tls.ca_pem && tls.cert_pem == other.tls.cert_pem &&
         tls.key_pem.same_as(other.tls.key_pem);
}

void Credentials::apply_to(core::ConnectionOptions& options) const {
  options.password = password;
  options.auth_data = auth_data;
  options.tls = tls;
}

base::Result<Credentials> read_credentials(const core::ConnectionOptions& options) {
  return Reader(options).run();
}

std::string files_of(const core::ConnectionOptions& options) {
  std::string out;
  for (const FileSetting& setting : kFileSettings) {
    const std::string& path = options.files.*setting.path;
    if (!path.empty()) out += (out.empty() ? "" : ", ") + std::string(setting.name) + " " + path;
  }
  return out;
}

}  // namespace dapr_mqtt::credentials
