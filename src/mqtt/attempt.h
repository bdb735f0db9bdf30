#pragma once

#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "dapr_mqtt/core/broker.h"
#include "dapr_mqtt/transport/cancel.h"
#include "dapr_mqtt/transport/dialer.h"
#include "mqtt/paho_client.h"

namespace dapr_mqtt::mqtt {

/// True for each endpoint to which a CONNECT went out whose answer has not reached the owner of the
/// connection. The broker may have created a new session for it, and the next CONNACK then says
/// "session present".
using UnansweredConnects = std::vector<bool>;

struct AttemptContext {
  const core::ConnectionOptions& options;
  bool clean_session;
  /// Each endpoint gets all of ConnectionOptions::connect_timeout, instead of its share.
  bool whole_timeout;
  core::MessageSink* sink;  ///< null: none
  const std::shared_ptr<packets::AckLedger>& ledger;
  transport::Resolver& resolver;
  const transport::Cancel& cancel;
  UnansweredConnects& unanswered;
  /// `lost` of PahoClient::Events, for every client that is made, also for those of failed tries,
  /// which are destroyed already. A weak_ptr, since a later client may have the same address.
  std::function<void(const std::weak_ptr<const PahoClient>& client, const base::Status& cause,
                     core::ConnectionEnd end)>
      lost;
};

struct AttemptMade {
  std::shared_ptr<PahoClient> client;
  bool session_present = false;
  bool earlier_unanswered = false;  ///< at this endpoint, before this CONNECT
  std::size_t endpoint = 0;
  std::optional<std::time_t> certificate_end;  ///< of the broker's certificate, with TLS
};

/// One attempt to connect, which tries all endpoints and the addresses of each, in turn, within
/// ConnectionOptions::connect_timeout (for each endpoint, if `whole_timeout`): opens a stream, then
/// has Paho send CONNECT.
///
/// An error names each endpoint and its cause; its kind is that of the try that got furthest.
/// CANCELLED as soon as `cancel` is set. Blocks its caller.
base::Result<AttemptMade> attempt_to_connect(const AttemptContext& context);

}  // namespace dapr_mqtt::mqtt
