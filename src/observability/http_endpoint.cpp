#include "dapr_mqtt/observability/http_endpoint.h"

#include <httplib.h>
#include <pthread.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <future>
#include <thread>
#include <utility>

#include "dapr_mqtt/base/parse.h"
#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/observability/metrics.h"

namespace dapr_mqtt::observability {
namespace {

constexpr std::size_t kThreads = 2;
/// Connections that may wait for one of these threads. If there are more, the accepting thread
/// serves one itself, and the rest wait in the kernel's backlog.
constexpr int kMaxWaiting = 16;
constexpr time_t kClientTimeoutSeconds = 2;  ///< for reading from and writing to a client

class BoundedPool final : public httplib::TaskQueue {
 public:
  // void in older versions of the library; in newer ones bool, where false means refused.
  using Enqueued = decltype(std::declval<httplib::TaskQueue&>().enqueue({}));

  Enqueued enqueue(std::function<void()> task) override {
    if (waiting_.load() >= kMaxWaiting) {
      task();
    } else {
      waiting_.fetch_add(1);
      pool_.enqueue([this, task = std::move(task)] {
        waiting_.fetch_sub(1);
        task();
      });
    }
    return static_cast<Enqueued>(true);
  }
  void shutdown() override { pool_.shutdown(); }

 private:
  std::atomic<int> waiting_{0};
  httplib::ThreadPool pool_{kThreads};
};

/// Does not set SO_REUSEPORT, as the library would by default: two processes on
/// one port would each get half of the requests.
void set_socket_options(socket_t fd) {
  const int yes = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
}

void answer(httplib::Response& response, int status, const std::string& text) {
  response.status = status;
  response.set_content(text + "\n", "text/plain; charset=utf-8");
}

std::string show(const HttpAddress& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

}  // namespace

std::optional<HttpAddress> parse_http_address(std::string_view text) {
  HttpAddress address{"127.0.0.1", 0};
  if (const std::size_t colon = text.rfind(':'); colon != std::string_view::npos) {
    std::string_view host = text.substr(0, colon);
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
      host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
      return std::nullopt;  // IPv6 without brackets: where does the port begin?
    }
    if (host.empty()) return std::nullopt;
    address.host = host;
    text.remove_prefix(colon + 1);
  }
  constexpr std::int64_t kHighestPort = 65535;
  const auto port = base::parse_integer(text);
  if (!port || *port < 0 || *port > kHighestPort) return std::nullopt;
  address.port = static_cast<int>(*port);
  return address;
}

class HttpEndpoint::Impl {
 public:
  base::Status bind(const HttpAddress& address) {
    server_.set_socket_options(set_socket_options);
    errno = 0;
    port_ = address.port == 0 ? server_.bind_to_any_port(address.host)
            : server_.bind_to_port(address.host, address.port) ? address.port
                                                               : -1;
    if (port_ >= 0) return {};
    const std::string cause = errno == 0 ? "no such address" : std::strerror(errno);
    return base::unavailable("cannot listen on " + base::quote(show(address)) + ": " + cause);
  }

  void serve(HttpPages pages) {
    server_.set_keep_alive_max_count(1);  // else idle clients would occupy the threads
    server_.set_read_timeout(kClientTimeoutSeconds);
    server_.set_write_timeout(kClientTimeoutSeconds);
    constexpr std::size_t kMaxBody = 1024;  // requests should have none
    server_.set_payload_max_length(kMaxBody);
    server_.Get("/metrics", [pages](const httplib::Request&, httplib::Response& response) {
      response.set_content(pages.metrics(), MetricsPage::content_type());
    });
    server_.Get("/healthz", [](const httplib::Request&, httplib::Response& response) {
      answer(response, 200, "ok");
    });
    server_.Get("/readyz", [pages](const httplib::Request&, httplib::Response& response) {
      const base::Status status = pages.ready();
      if (!status.ok()) return answer(response, 503, status.message());
      const std::string notes = pages.notes ? pages.notes() : std::string();
      answer(response, 200, notes.empty() ? "ok" : "ok\n" + notes);
    });
    // Called when the library runs. serve() waits for it: a stop() before it would have no effect.
    server_.new_task_queue = [this] {
      running_.set_value();
      return new BoundedPool;
    };
    thread_ = std::thread([this] {
      ::pthread_setname_np(::pthread_self(), "http-metrics");  // inherited by the pool's threads
      server_.listen_after_bind();
    });
    running_.get_future().wait();
  }

  ~Impl() {
    if (!thread_.joinable()) return;
    server_.stop();
    thread_.join();
  }

  int port() const { return port_; }

 private:
  httplib::Server server_;
  int port_ = -1;
  std::promise<void> running_;
  std::thread thread_;
};

HttpEndpoint::HttpEndpoint(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpEndpoint::~HttpEndpoint() = default;

base::Result<std::unique_ptr<HttpEndpoint>> HttpEndpoint::listen(const HttpAddress& address) {
  auto impl = std::make_unique<Impl>();
  if (base::Status status = impl->bind(address); !status.ok()) return status;
  return std::unique_ptr<HttpEndpoint>(new HttpEndpoint(std::move(impl)));
}

void HttpEndpoint::serve(HttpPages pages) { impl_->serve(std::move(pages)); }

int HttpEndpoint::port() const { return impl_->port(); }

}  // namespace dapr_mqtt::observability
