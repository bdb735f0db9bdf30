// A TLS server on its own thread, for one connection after the other.
#pragma once

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <csignal>
#include <functional>
#include <string>
#include <thread>
#include <utility>

#include "loopback.h"
#include "support/certificates.h"
#include "transport/openssl_handles.h"

namespace dapr_mqtt::testing {

struct TlsServerOptions {
  Identity identity;
  std::string chain_pem;      ///< sent along with the certificate
  std::string client_ca_pem;  ///< not empty: a client certificate is required
  int min_version = TLS1_2_VERSION;
  int max_version = TLS1_3_VERSION;
  std::string alpn;            ///< the protocol that it accepts; empty: none
  bool close_at_once = false;  ///< after `serve`: what the client still sends is answered by RST
};

/// Serves one connection: the handshake, then `serve` if it succeeded. Blocking calls end after
/// kPatience.
class TlsServer {
 public:
  using Serve = std::function<void(SSL*)>;

  explicit TlsServer(const TlsServerOptions& options, Serve serve = {})
      : context_(SSL_CTX_new(TLS_server_method())),
        serve_(std::move(serve)),
        alpn_(options.alpn),
        close_at_once_(options.close_at_once) {
    set_up(options);
    thread_ = std::thread([this] { run(); });
  }
  ~TlsServer() { thread_.join(); }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  std::uint16_t port() const { return listener_.port(); }
  /// The server name that the client sent. Available after the client is gone.
  Channel<std::string>& server_name() { return server_name_; }

 private:
  static transport::Bio reader(const std::string& pem) {
    return transport::Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  }
  static transport::Certificate certificate(const std::string& pem) {
    return transport::Certificate(PEM_read_bio_X509(reader(pem).get(), nullptr, nullptr, nullptr));
  }

  void set_up(const TlsServerOptions& options) {
    SSL_CTX* context = context_.get();
    SSL_CTX_set_security_level(context, 0);  // TLS 1.1, too
    SSL_CTX_set_min_proto_version(context, options.min_version);
    SSL_CTX_set_max_proto_version(context, options.max_version);
    if (!alpn_.empty()) SSL_CTX_set_alpn_select_cb(context, select_alpn, &alpn_);
    SSL_CTX_use_certificate(context, certificate(options.identity.cert_pem).get());
    const transport::PrivateKey key(
        PEM_read_bio_PrivateKey(reader(options.identity.key_pem).get(), nullptr, nullptr, nullptr));
    SSL_CTX_use_PrivateKey(context, key.get());
    if (!options.chain_pem.empty())
      SSL_CTX_add0_chain_cert(context, certificate(options.chain_pem).release());
    if (!options.client_ca_pem.empty()) {
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context),
                          certificate(options.client_ca_pem).get());
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
  }

  /// Chooses options.alpn if it was offered; otherwise sends a fatal alert.
  static int select_alpn(SSL* /*session*/, const unsigned char** out, unsigned char* size,
                         const unsigned char* offered, unsigned int offered_size, void* wanted) {
    const std::string& own = *static_cast<const std::string*>(wanted);
    for (unsigned int at = 0; at < offered_size; at += offered[at] + 1U) {
      if (std::string(reinterpret_cast<const char*>(offered) + at + 1, offered[at]) != own)
        continue;
      *out = offered + at + 1;
      *size = offered[at];
      return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }

  void run() {
    // OpenSSL's own sockets raise SIGPIPE when the client is gone. Blocked on this thread only, since
    // the code under test must not raise it.
    sigset_t broken_pipe;
    ::sigemptyset(&broken_pipe);
    ::sigaddset(&broken_pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
    const base::UniqueFd fd = listener_.accept();
    if (!fd.valid()) return;
    const transport::SslSession session(SSL_new(context_.get()));
    SSL_set_fd(session.get(), fd.get());
    const bool good = SSL_accept(session.get()) == 1;
    const char* name = SSL_get_servername(session.get(), TLSEXT_NAMETYPE_host_name);
    server_name_.push(name != nullptr ? name : "");
    if (good && serve_) serve_(session.get());
    if (good) SSL_shutdown(session.get());
    if (close_at_once_) return;
    // Waits until the client is gone: an earlier close could reset data that it has not read yet.
    ::shutdown(fd.get(), SHUT_WR);
    char ignored[256];
    while (::recv(fd.get(), ignored, sizeof ignored, 0) > 0) {
    }
  }

  Listener listener_;
  transport::SslContext context_;
  Serve serve_;
  std::string alpn_;
  const bool close_at_once_;
  Channel<std::string> server_name_;
  std::thread thread_;
};

}  // namespace dapr_mqtt::testing
