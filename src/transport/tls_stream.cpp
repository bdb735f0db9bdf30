#include "transport/tls_stream.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "dapr_mqtt/transport/resolver.h"
#include "transport/alpn.h"
#include "transport/tls_context.h"
#include "transport/tls_errors.h"

namespace dapr_mqtt::transport {
namespace {

using Outcome = IoResult::Outcome;

/// The form used in certificates and the server name extension: without the trailing dot of a name
/// (RFC 6066 section 3) and the zone of a link-local address.
std::string name_to_verify(std::string_view host) {
  host = host.substr(0, host.find('%'));
  if (host.size() > 1 && host.ends_with('.')) host.remove_suffix(1);
  return std::string(host);
}

int first_reason() { return ERR_GET_REASON(ERR_peek_error()); }

}  // namespace

base::Result<std::unique_ptr<TlsStream>> TlsStream::make(std::unique_ptr<ByteStream> below,
                                                         const std::string& host,
                                                         const core::TlsMaterial& material,
                                                         std::vector<std::string> alpn) {
  auto context = make_tls_context(material);
  if (!context.ok()) return context.status();
  std::unique_ptr<TlsStream> stream(
      new TlsStream(std::move(below), host, material, std::move(alpn)));
  if (!stream->prepare(std::move(context).value()))
    return base::internal_error("TLS: OpenSSL cannot create a session");
  return stream;
}

TlsStream::TlsStream(std::unique_ptr<ByteStream> below, const std::string& host,
                     const core::TlsMaterial& material, std::vector<std::string> alpn)
    : below_(std::move(below)),
      host_(name_to_verify(host)),
      has_own_ca_(!material.ca_pem.empty()),
      has_client_cert_(!material.cert_pem.empty()),
      skip_verify_(material.skip_verify),
      alpn_(std::move(alpn)),
      bio_state_(*below_) {}

bool TlsStream::prepare(SslContext context) {
  session_.reset(SSL_new(context.get()));  // keeps the context
  Bio bio = make_bio(bio_state_);
  if (!session_ || !bio) return false;
  SSL_set_bio(session_.get(), bio.get(), bio.get());
  (void)bio.release();  // the session owns it now
  SSL_set_app_data(session_.get(), this);
  if (!skip_verify_) SSL_set_verify(session_.get(), SSL_VERIFY_PEER, on_verify);
  SSL_set_connect_state(session_.get());
  if (const std::string offer = alpn_offer(alpn_);
      !offer.empty() &&
      SSL_set_alpn_protos(session_.get(), reinterpret_cast<const unsigned char*>(offer.data()),
                          static_cast<unsigned int>(offer.size())) != 0) {
    return false;
  }
  X509_VERIFY_PARAM* param = SSL_get0_param(session_.get());
  if (is_numeric_address(host_)) return X509_VERIFY_PARAM_set1_ip_asc(param, host_.c_str()) == 1;
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return X509_VERIFY_PARAM_set1_host(param, host_.c_str(), host_.size()) == 1 &&
         SSL_set_tlsext_host_name(session_.get(), host_.c_str()) == 1;
}

// Keeps the names of a rejected certificate, since the session does not keep the certificate.
int TlsStream::on_verify(int good, X509_STORE_CTX* chain) {
  const int error = X509_STORE_CTX_get_error(chain);
  if (good == 0 &&
      (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH)) {
    const auto* session =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* self = static_cast<TlsStream*>(SSL_get_app_data(session));
    self->mismatched_names_ = names_of(X509_STORE_CTX_get0_cert(chain));
  }
  return good;
}

IoResult TlsStream::handshake() {
  if (read_end_) return *read_end_;
  ERR_clear_error();
  const int result = SSL_do_handshake(session_.get());
  handshake_waits_ = Wait::kNothing;
  if (result == 1) return {Outcome::kDone, 0, {}};
  return handshake_ended(result);
}

IoResult TlsStream::handshake_ended(int result) {
  const int error = SSL_get_error(session_.get(), result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
    handshake_waits_ = error == SSL_ERROR_WANT_READ ? Wait::kReadable : Wait::kWritable;
    return {};
  }
  TlsFailure failure;
  if (!skip_verify_) failure.verify_result = SSL_get_verify_result(session_.get());
  failure.reason = error == SSL_ERROR_SSL ? first_reason() : 0;
  failure.host = host_;
  failure.names = mismatched_names_;
  failure.has_own_ca = has_own_ca_;
  failure.has_client_cert = has_client_cert_;
  failure.alpn = alpn_;
  base::Status status = handshake_failure(failure);
  if (error == SSL_ERROR_SYSCALL) {
    const base::Status broken =
        bio_state_.write_failure.ok() ? bio_state_.read_failure : why_write_failed();
    if (broken.kind() == base::ErrorKind::kUnauthenticated) {
      status = broken;
    } else if (!broken.ok()) {
      status = base::Status(status.kind(), status.message() + "; " + broken.message());
    }
  }
  read_end_ = IoResult{Outcome::kFailed, 0, std::move(status)};
  write_end_ = read_end_;
  return *read_end_;
}

IoResult TlsStream::read(char* buffer, std::size_t size) {
  if (read_end_) return *read_end_;
  if (size == 0) return {};
  IoResult out;
  // Reads all records that have come: each may hold only one small packet.
  do {
    ERR_clear_error();
    std::size_t got = 0;
    const int result = SSL_read_ex(session_.get(), buffer + out.bytes, size - out.bytes, &got);
    IoResult one = read_result(result, got);
    if (one.outcome != Outcome::kDone) {
      if (out.bytes == 0) out = std::move(one);
      break;  // otherwise the next call reports it
    }
    out.outcome = Outcome::kDone;
    out.bytes += one.bytes;
  } while (out.bytes < size && has_buffered_input());
  // A write may have been waiting for input, which may have come just now.
  if (write_waits_ == Wait::kReadable) (void)flush();
  return out;
}

IoResult TlsStream::read_result(int result, std::size_t got) {
  read_waits_ = Wait::kNothing;
  if (result == 1) return {Outcome::kDone, got, {}};
  switch (SSL_get_error(session_.get(), result)) {
    case SSL_ERROR_WANT_READ: read_waits_ = Wait::kReadable; return {};
    case SSL_ERROR_WANT_WRITE: read_waits_ = Wait::kWritable; return {};
    case SSL_ERROR_ZERO_RETURN: read_end_ = IoResult{Outcome::kClosed, 0, {}}; break;
    case SSL_ERROR_SSL:
      // Many brokers close without close_notify. That is safe: MQTT's packets carry their length.
      if (first_reason() == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        read_end_ = IoResult{Outcome::kClosed, 0, {}};
      } else {
        read_end_ = IoResult{Outcome::kFailed, 0, stream_failure(first_reason(), has_client_cert_)};
      }
      break;
    default:
      read_end_ = bio_state_.read_failure.ok()
                      ? IoResult{Outcome::kClosed, 0, {}}
                      : IoResult{Outcome::kFailed, 0, bio_state_.read_failure};
  }
  return *read_end_;
}

// Not SSL_has_pending(): that is true for half a record, too, and the caller would spin.
bool TlsStream::has_buffered_input() const {
  return !read_end_ && (SSL_pending(session_.get()) > 0 || bio_state_.has_ahead() ||
                        below_->has_buffered_input());
}

IoResult TlsStream::write(const char* data, std::size_t size) {
  if (read_end_ && read_end_->outcome == Outcome::kFailed) return *read_end_;
  if (IoResult left = flush(); left.outcome != Outcome::kDone) return left;
  if (size == 0) return {};
  size = std::min<std::size_t>(size, SSL3_RT_MAX_PLAIN_LENGTH);
  IoResult sent = send_record(data, size);
  if (sent.outcome != Outcome::kWouldBlock) return sent;
  pending_.assign(data, size);
  return {Outcome::kDone, size, {}};
}

IoResult TlsStream::send_record(const char* data, std::size_t size) {
  ERR_clear_error();
  std::size_t put = 0;
  const int result = SSL_write_ex(session_.get(), data, size, &put);
  write_waits_ = Wait::kNothing;
  if (result == 1) return {Outcome::kDone, put, {}};
  const int error = SSL_get_error(session_.get(), result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
    write_waits_ = error == SSL_ERROR_WANT_READ ? Wait::kReadable : Wait::kWritable;
    return {};
  }
  base::Status status = error == SSL_ERROR_SSL ? stream_failure(first_reason(), has_client_cert_)
                                               : why_write_failed();
  write_end_ = IoResult{Outcome::kFailed, 0, std::move(status)};
  return *write_end_;
}

// A broker that rejects the client certificate sends its alert and closes the connection: when our
// next write fails, the alert has not been read yet.
base::Status TlsStream::why_write_failed() {
  ERR_clear_error();
  char byte = 0;
  std::size_t got = 0;
  const int result = SSL_peek_ex(session_.get(), &byte, 1, &got);
  if (result != 1 && SSL_get_error(session_.get(), result) == SSL_ERROR_SSL &&
      is_client_certificate_alert(first_reason())) {
    base::Status status = stream_failure(first_reason(), has_client_cert_);
    read_end_ = IoResult{Outcome::kFailed, 0, status};
    return status;
  }
  return bio_state_.write_failure;
}

IoResult TlsStream::flush() {
  if (write_end_) return *write_end_;
  if (read_waits_ == Wait::kWritable && !read_end_) {
    // OpenSSL must send an answer of the handshake layer (to a key update), which it does inside
    // its read functions.
    ERR_clear_error();
    char byte = 0;
    std::size_t got = 0;
    const int result = SSL_peek_ex(session_.get(), &byte, 1, &got);
    (void)read_result(result, got);
  }
  while (!pending_.empty()) {
    IoResult sent = send_record(pending_.data(), pending_.size());
    if (sent.outcome != Outcome::kDone) return sent;
    pending_.erase(0, sent.bytes);
  }
  return below_->flush();
}

bool TlsStream::wants_write() const {
  if (write_end_) return false;
  return handshake_waits_ == Wait::kWritable || read_waits_ == Wait::kWritable ||
         (!pending_.empty() && write_waits_ != Wait::kReadable) || below_->wants_write();
}

bool TlsStream::closed_by_peer() const {
  return below_->closed_by_peer() || (read_end_ && read_end_->outcome == Outcome::kClosed);
}

void TlsStream::shut_down() {
  // Only after the handshake, and not into the middle of a record.
  const bool broken = read_end_ && read_end_->outcome == Outcome::kFailed;
  if (!broken && !write_end_ && SSL_is_init_finished(session_.get()) == 1 &&
      flush().outcome == Outcome::kDone) {
    ERR_clear_error();
    (void)SSL_shutdown(session_.get());
    ERR_clear_error();
  }
  below_->shut_down();
}

}  // namespace dapr_mqtt::transport
