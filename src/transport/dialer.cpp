#include "dapr_mqtt/transport/dialer.h"

#include <ctime>
#include <utility>

#include "transport/look_up.h"
#include "transport/proxy_connect.h"
#include "transport/tcp_race.h"
#include "transport/tcp_stream.h"
#include "transport/tls_connect.h"
#include "transport/wait.h"
#include "transport/websocket_connect.h"

namespace dapr_mqtt::transport {
namespace {

using base::Status;
using std::chrono::steady_clock;

std::string join(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + text;
  return out;
}

bool is_websocket(core::Transport transport) {
  return transport == core::Transport::kWebSocket || transport == core::Transport::kWebSocketTls;
}

}  // namespace

class Dialer::Impl {
 public:
  Impl(const core::Endpoint& endpoint, const core::ConnectionOptions& options, Resolver& resolver,
       const Cancel& cancel, DialObserver observer)
      : endpoint_(endpoint),
        options_(options),
        host_(options.proxy ? options.proxy->host : endpoint.host),
        port_(options.proxy ? options.proxy->port : endpoint.port),
        resolver_(resolver),
        cancel_(cancel),
        observer_(std::move(observer)) {}

  bool more() const { return !looked_up_ || !addresses_.empty(); }

  Dialled next(base::TimePoint deadline, Time time) {
    deadline_ = deadline;
    time_ = time;
    stream_.reset();
    Dialled out;
    out.status = run(out.depth);
    if (out.status.ok()) out.stream = std::move(stream_);
    out.certificate_end = certificate_end_;
    stream_.reset();
    return out;
  }

 private:
  Status run(Dialled::Depth& depth) {
    depth = Dialled::Depth::kNoConnection;
    if (!std::exchange(looked_up_, true)) {
      if (is_numeric_address(host_)) {
        addresses_ = {host_};
      } else if (Status status = step("name", &Impl::find_addresses); !status.ok()) {
        return status;
      }
    }
    if (addresses_.empty()) return base::unavailable("no address is left to try");
    if (Status status = step("tcp", &Impl::connect); !status.ok()) {
      // The step's status names each address. This one is shorter: it leaves the addresses out if
      // all failed for the same reason.
      return failures_.empty() ? status : with_proxy_name(in_short(failures_, port_));
    }
    depth = Dialled::Depth::kTcp;
    if (time_ == Time::kLeaveHalf && !addresses_.empty()) {
      const auto now = steady_clock::now();
      deadline_ = now + (deadline_ - now) / 2;
    }
    if (options_.proxy) {
      depth = Dialled::Depth::kProxy;
      if (Status status = step("proxy", &Impl::pass_proxy); !status.ok()) return status;
    }
    if (endpoint_.uses_tls()) {
      depth = Dialled::Depth::kTls;
      if (Status status = step("tls", &Impl::tls_handshake); !status.ok()) return status;
    }
    if (is_websocket(endpoint_.transport)) {
      depth = Dialled::Depth::kWebSocket;
      if (Status status = step("websocket", &Impl::upgrade); !status.ok()) return status;
    }
    return {};
  }

  Status step(const char* name, void (Impl::*act)(DialStep&)) {
    DialStep step;
    step.name = name;
    if (observer_.begin) observer_.begin(step.name);
    const auto begin = steady_clock::now();
    (this->*act)(step);
    step.took = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - begin);
    if (observer_.end) observer_.end(step);
    return step.status;
  }

  void find_addresses(DialStep& step) {
    auto found = look_up(resolver_, host_, deadline_, cancel_);
    step.status = with_proxy_name(found.status());
    if (!found.ok()) return;
    addresses_ = std::move(found).value();
    step.seen = host_ + " is " + join(addresses_);
  }

  void connect(DialStep& step) {
    RaceResult race = race_to_connect(addresses_, port_, deadline_, cancel_);
    failures_.clear();
    if (race.cancelled) {
      step.status = connecting_cancelled();
    } else if (!race.socket.valid()) {
      step.status = with_proxy_name(with_addresses(race.failures, port_));
      failures_ = std::move(race.failures);
    } else {
      step.seen = "connected to " + race.winner + " port " + std::to_string(port_);
      stream_ = std::make_unique<TcpStream>(std::move(race.socket), options_.keep_alive);
    }
  }

  void pass_proxy(DialStep& step) {
    take(step, connect_through(std::move(stream_), *options_.proxy, endpoint_, deadline_, cancel_));
    if (step.status.ok()) step.seen = "connected through " + options_.proxy->str();
  }

  void tls_handshake(DialStep& step) {
    TlsDetails details;
    take(step,
         connect_tls(std::move(stream_), endpoint_, options_.tls, deadline_, cancel_, details));
    if (!step.status.ok()) return;
    certificate_end_ = details.not_after;
    step.seen = details.summary();
    step.warning =
        options_.tls.skip_verify
            ? "the broker's certificate is not verified (tlsInsecureSkipVerify): anybody "
              "could answer in its place"
            : details.expiry_warning(std::time(nullptr));
  }

  void upgrade(DialStep& step) {
    take(step,
         connect_websocket(std::move(stream_), endpoint_, options_.websocket, deadline_, cancel_));
    if (step.status.ok()) step.seen = "upgraded to a WebSocket with MQTT inside";
  }

  Status with_proxy_name(const Status& status) const {
    return options_.proxy ? status.with_context("proxy " + options_.proxy->str()) : status;
  }

  void take(DialStep& step, base::Result<std::unique_ptr<ByteStream>> stream) {
    step.status = stream.status();
    if (stream.ok()) stream_ = std::move(stream).value();
  }

  const core::Endpoint endpoint_;
  const core::ConnectionOptions& options_;
  const std::string host_;  ///< to connect to: the broker's or the proxy's
  const std::uint16_t port_;
  Resolver& resolver_;
  const Cancel& cancel_;
  const DialObserver observer_;
  bool looked_up_ = false;
  std::vector<std::string> addresses_;  ///< not tried yet
  std::vector<RaceResult::Failure> failures_;
  base::TimePoint deadline_;  ///< of the step that runs
  Time time_ = Time::kAll;
  std::optional<std::time_t> certificate_end_;
  std::unique_ptr<ByteStream> stream_;  ///< the result of the steps so far
};

Dialer::Dialer(const core::Endpoint& endpoint, const core::ConnectionOptions& options,
               Resolver& resolver, const Cancel& cancel, DialObserver observer)
    : impl_(std::make_unique<Impl>(endpoint, options, resolver, cancel, std::move(observer))) {}

Dialer::~Dialer() = default;

Dialled Dialer::next(base::TimePoint deadline, Time time) { return impl_->next(deadline, time); }

bool Dialer::more() const { return impl_->more(); }

}  // namespace dapr_mqtt::transport
