#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/transport/byte_stream.h"
#include "transport/openssl_handles.h"
#include "transport/tls_bio.h"
#include "transport/tls_details.h"

namespace dapr_mqtt::transport {

/// The client's side of TLS, over another stream. Memory besides that stream's: one TLS record
/// (16 KiB) of ours and OpenSSL's two buffers of that size.
class TlsStream final : public ByteStream {
 public:
  /// Verifies the certificate for `host`, a name (with or without a trailing dot) or an address,
  /// unless the material says not to. Offers `alpn` in this order. INVALID_ARGUMENT if OpenSSL
  /// cannot use the material.
  static base::Result<std::unique_ptr<TlsStream>> make(std::unique_ptr<ByteStream> below,
                                                       const std::string& host,
                                                       const core::TlsMaterial& material,
                                                       std::vector<std::string> alpn = {});
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  /// To be repeated until kDone (with 0 bytes) or kFailed. Before kDone nothing may be read or
  /// written.
  IoResult handshake();
  /// After the handshake.
  TlsDetails details() const { return details_of(session_.get()); }

  int fd() const override { return below_->fd(); }
  IoResult read(char* buffer, std::size_t size) override;
  bool has_buffered_input() const override;
  IoResult write(const char* data, std::size_t size) override;
  IoResult flush() override;
  bool wants_write() const override;
  bool closed_by_peer() const override;
  void shut_down() override;

 private:
  /// What a call to OpenSSL waits for.
  enum class Wait { kNothing, kReadable, kWritable };

  TlsStream(std::unique_ptr<ByteStream> below, const std::string& host,
            const core::TlsMaterial& material, std::vector<std::string> alpn);
  bool prepare(SslContext context);
  static int on_verify(int good, X509_STORE_CTX* chain);
  IoResult handshake_ended(int result);
  IoResult read_result(int result, std::size_t got);
  IoResult send_record(const char* data, std::size_t size);
  base::Status why_write_failed();

  const std::unique_ptr<ByteStream> below_;
  const std::string host_;
  const bool has_own_ca_;
  const bool has_client_cert_;
  const bool skip_verify_;
  const std::vector<std::string> alpn_;
  StreamBelow bio_state_;
  SslSession session_;
  std::string mismatched_names_;  ///< the certificate's names, if host_ is not one of them

  Wait handshake_waits_ = Wait::kNothing;
  Wait read_waits_ = Wait::kNothing;
  Wait write_waits_ = Wait::kNothing;
  /// Bytes that were accepted from the caller but not sent yet. OpenSSL must be given the same
  /// bytes again.
  std::string pending_;
  std::optional<IoResult> read_end_;
  std::optional<IoResult> write_end_;
};

}  // namespace dapr_mqtt::transport
