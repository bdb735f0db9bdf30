#include "dapr_mqtt/credentials/pem.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "credentials/openssl_owners.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::credentials {
namespace {

// Far above the system's whole CA bundle (about 220 KiB); OpenSSL takes lengths
// as int.
constexpr std::size_t kMaxPemBytes = 4U << 20U;

/// The characters \n become real line breaks; white space at the ends of lines and
/// empty lines are removed.
std::string normalise(std::string_view text) {
  std::string with_breaks;
  with_breaks.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      with_breaks += text[i];
      continue;
    }
    // PEM has no backslash: one or more of them are an escape, perhaps escaped again.
    while (i + 1 < text.size() && text[i + 1] == '\\') ++i;
    if (i + 1 < text.size() && (text[i + 1] == 'n' || text[i + 1] == 'r')) {
      with_breaks += '\n';
      ++i;
    }
  }
  std::string out;
  out.reserve(with_breaks.size() + 1);
  std::string_view rest = with_breaks;
  while (!rest.empty()) {
    const std::size_t end = rest.find_first_of("\r\n");
    const std::string_view line = base::trim(rest.substr(0, end));
    if (!line.empty()) {
      out += line;
      out += '\n';
    }
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return out;
}

bool has_encryption_header(const std::string& pem) {
  return pem.find("-----BEGIN ENCRYPTED PRIVATE KEY") != std::string::npos ||
         pem.find("4,ENCRYPTED") != std::string::npos;  // RFC 1421's header of older formats
}

/// Whether a text without PEM looks like DER. Unlike is_der(), short keys count too.
bool is_binary(std::string_view text) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < '\t'; };
  return is_der(text) || (text.starts_with('\x30') && std::ranges::any_of(text, is_control));
}

base::Status missing_block(std::string_view text, std::string_view block, std::string_view to_pem,
                           Origin origin) {
  if (origin == Origin::kFile && is_binary(text)) {
    return base::invalid_argument("is binary (DER or PKCS#12), not PEM text: " +
                                  std::string(to_pem));
  }
  return base::invalid_argument(
      "holds no PEM block (-----BEGIN " + std::string(block) + "-----)" +
      (origin == Origin::kValue ? "; the value is the PEM text itself, not a file's name" : ""));
}

base::Status missing_certificate(std::string_view text, Origin origin) {
  return missing_block(text, "CERTIFICATE",
                       "convert it with openssl x509 -inform der -in FILE, or if it is PKCS#12 "
                       "with openssl pkcs12 -nokeys -in FILE",
                       origin);
}

base::Status missing_key(std::string_view text, Origin origin) {
  return missing_block(text, "PRIVATE KEY",
                       "convert it with openssl pkey -inform der -in FILE; a PKCS#12 file belongs "
                       "in clientCertFile, without a clientKeyFile",
                       origin);
}

base::Status broken_block(std::string_view what, Origin origin) {
  return base::invalid_argument(
      std::string(what) + " does not parse" +
      (origin == Origin::kValue
           ? "; if its line breaks were lost, write the value as a YAML block (|) or with \\n"
           : ": the file is damaged or incomplete"));
}

std::string with_empty_line_after_header(std::string pem) {
  constexpr std::string_view kLastHeader = "DEK-Info:";
  const std::size_t header = pem.find(kLastHeader);
  if (header == std::string::npos) return pem;
  if (const std::size_t end = pem.find('\n', header); end != std::string::npos)
    pem.insert(end, "\n");
  return pem;
}

bool at_end_of_blocks() { return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE; }

std::string date(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "an unknown date";
  std::array<char, 32> out{};
  std::snprintf(out.data(), out.size(), "%04d-%02d-%02d", parts.tm_year + 1900, parts.tm_mon + 1,
                parts.tm_mday);
  return out.data();
}

std::string subject(const X509* certificate) {
  std::array<char, 256> name{};
  X509_NAME_oneline(X509_get_subject_name(certificate), name.data(), static_cast<int>(name.size()));
  return base::quote(name.data(), 128);
}

void check_dates(const X509* certificate, std::vector<std::string>& warnings) {
  const ASN1_TIME* begin = X509_get0_notBefore(certificate);
  const ASN1_TIME* end = X509_get0_notAfter(certificate);
  // 0: not a valid date (X509_cmp_current_time(3)). Every verification of it fails.
  if (X509_cmp_current_time(begin) == 0 || X509_cmp_current_time(end) == 0) {
    warnings.push_back("certificate " + subject(certificate) +
                       " has a validity that cannot be read: TLS will not accept it");
  } else if (X509_cmp_current_time(end) < 0) {
    warnings.push_back("certificate " + subject(certificate) + " expired on " + date(end));
  } else if (X509_cmp_current_time(begin) > 0) {
    warnings.push_back("certificate " + subject(certificate) + " is not valid before " +
                       date(begin));
  }
}

base::Status too_long() {
  return base::invalid_argument("is longer than " + std::to_string(kMaxPemBytes >> 20U) + " MiB");
}

}  // namespace

base::Result<std::string> read_certificates(std::string_view text,
                                            std::vector<std::string>& warnings, Origin origin) {
  if (text.size() > kMaxPemBytes) return too_long();
  const ErrorQueueScope errors;
  const std::string pem = normalise(text);
  const BioPtr in = memory_bio(pem);
  const BioPtr out(BIO_new(BIO_s_mem()));
  if (!in || !out) return base::internal_error("cannot be read: out of memory");
  std::size_t count = 0;
  for (;;) {
    const CertificatePtr certificate(PEM_read_bio_X509(in.get(), nullptr, no_passphrase, nullptr));
    if (!certificate) break;
    ++count;
    check_dates(certificate.get(), warnings);
    if (PEM_write_bio_X509(out.get(), certificate.get()) != 1) {
      return base::internal_error("certificate " + std::to_string(count) + " cannot be written");
    }
  }
  if (!at_end_of_blocks()) {
    return broken_block("certificate " + std::to_string(count + 1), origin);
  }
  if (count == 0) {
    // A block that has lost its line breaks does not look like one to OpenSSL.
    if (pem.find("-----BEGIN CERTIFICATE") != std::string::npos) {
      return broken_block("certificate 1", origin);
    }
    return missing_certificate(text, origin);
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

bool is_encrypted_key(std::string_view text) {
  return text.size() <= kMaxPemBytes && has_encryption_header(normalise(text));
}

base::Result<base::Secret> read_private_key(std::string_view text, const base::Secret& passphrase,
                                            Origin origin) {
  if (text.size() > kMaxPemBytes) return too_long();
  const ErrorQueueScope errors;
  std::string pem = normalise(text);
  if (pem.find("PRIVATE KEY-----") == std::string::npos) {
    return missing_key(text, origin);
  }
  const bool encrypted = has_encryption_header(pem);
  if (encrypted && passphrase.empty()) {
    return base::invalid_argument(
        "the key is encrypted: set clientKeyPassword or clientKeyPasswordFile, or give it without a "
        "passphrase");
  }
  // In older formats an empty line separates the header from the key; normalise() has removed it.
  const std::string source = encrypted ? with_empty_line_after_header(pem) : pem;
  const BioPtr in = memory_bio(source);
  const KeyPtr key(in ? PEM_read_bio_PrivateKey(in.get(), nullptr, give_passphrase,
                                                const_cast<base::Secret*>(&passphrase))
                      : nullptr);
  if (!key && !encrypted) return broken_block("the key", origin);
  if (!key) {
    return base::invalid_argument(
        "the key cannot be decrypted: the passphrase (clientKeyPassword) is wrong, or the key is "
        "damaged");
  }
  if (!encrypted) return base::Secret(std::move(pem));
  return write_private_key(key.get());
}

base::Status check_key_fits(const std::string& certificates, const base::Secret& key_pem,
                            std::string_view certificate_key) {
  const ErrorQueueScope errors;
  const BioPtr key_in = memory_bio(key_pem.reveal());
  const KeyPtr key(PEM_read_bio_PrivateKey(key_in.get(), nullptr, no_passphrase, nullptr));
  const BioPtr in = memory_bio(certificates);
  for (std::size_t number = 1;; ++number) {
    const CertificatePtr certificate(PEM_read_bio_X509(in.get(), nullptr, no_passphrase, nullptr));
    if (!certificate) break;
    if (X509_check_private_key(certificate.get(), key.get()) != 1) continue;
    if (number == 1) return {};
    return base::invalid_argument("belongs to certificate " + std::to_string(number) + " of " +
                                  std::string(certificate_key) +
                                  "; the client's own certificate comes first");
  }
  return base::invalid_argument("does not belong to the certificate in " +
                                std::string(certificate_key));
}

std::optional<Expiries> expiries_of(const std::string& certificates) {
  const ErrorQueueScope errors;
  const BioPtr in = memory_bio(certificates);
  std::optional<Expiries> out;
  while (const CertificatePtr certificate{
      PEM_read_bio_X509(in.get(), nullptr, no_passphrase, nullptr)}) {
    std::tm end{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &end) != 1) continue;
    const base::WallTime at{std::chrono::seconds(::timegm(&end))};
    out = out ? Expiries{std::min(out->first, at), std::max(out->last, at)} : Expiries{at, at};
  }
  return out;
}

}  // namespace dapr_mqtt::credentials
