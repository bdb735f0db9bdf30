#include "dapr_mqtt/observability/metrics.h"

#include <algorithm>
#include <chrono>

#include "observability/prometheus_text.h"

namespace dapr_mqtt::observability {
namespace {

using Same = PrometheusText::Same;

double value_of(const core::Counters::Count& count) {
  return static_cast<double>(count.load(std::memory_order_relaxed));
}

double value_of(const core::Counters::Gauge& gauge) {
  return static_cast<double>(gauge.load(std::memory_order_relaxed));
}

void add_process(PrometheusText& page, const ProcessReading& process) {
  const auto gauge = [&](const char* name, const char* help, const std::optional<double>& value) {
    if (value) page.gauge(name, help, {}, *value);
  };
  if (process.cpu_seconds) {
    page.counter("process_cpu_seconds_total", "User and system CPU time spent.", {},
                 *process.cpu_seconds);
  }
  gauge("process_start_time_seconds", "Start of the process, in seconds since 1970.",
        process.start_time_seconds);
  gauge("process_resident_memory_bytes", "Memory resident in RAM.", process.resident_bytes);
  gauge("process_open_fds", "Open file descriptors.", process.open_fds);
  gauge("process_max_fds", "Maximum number of open file descriptors.", process.max_fds);
  gauge("process_threads", "Threads of the process.", process.threads);
}

/// The metrics of one instance: adds its two labels to each.
class InstanceMetrics {
 public:
  InstanceMetrics(PrometheusText& page, const InstanceReading& instance)
      : page_(page),
        labels_{{"component", instance.component}, {"consumer_id", instance.consumer_id}} {}

  void counter(const char* name, const char* help, const core::Counters::Count& count,
               Labels more = {}) {
    page_.counter(name, help, with(std::move(more)), value_of(count));
  }
  void gauge(const char* name, const char* help, double value, Labels more = {},
             Same same = Same::kAdd) {
    page_.gauge(name, help, with(std::move(more)), value, same);
  }
  void histogram(const char* name, const char* help, const core::Histogram& histogram) {
    page_.histogram(name, help, labels_, histogram.snapshot());
  }

 private:
  Labels with(Labels more) const {
    more.insert(more.begin(), labels_.begin(), labels_.end());
    return more;
  }

  PrometheusText& page_;
  const Labels labels_;
};

void add_publishing(InstanceMetrics& m, const core::Counters& c) {
  const char* publishes = "dapr_mqtt_publishes_total";
  const char* help =
      "Publishes by result: ok (the broker has it), failed, rejected (too many are waiting).";
  m.counter(publishes, help, c.published, {{"result", "ok"}});
  m.counter(publishes, help, c.publish_failed, {{"result", "failed"}});
  m.counter(publishes, help, c.publish_queue_full, {{"result", "rejected"}});
  m.counter("dapr_mqtt_published_bytes_total", "Payload bytes of the publishes answered ok.",
            c.published_bytes);
  m.counter("dapr_mqtt_publish_resends_total", "Publishes sent again after a reconnect.",
            c.publish_resent);
  m.histogram("dapr_mqtt_publish_duration_seconds",
              "Time from the request to the broker's acknowledgement, of publishes answered ok.",
              c.publish_time);
  m.gauge("dapr_mqtt_pending_publishes", "Publishes waiting or in flight.",
          value_of(c.publishes_pending));
  m.gauge("dapr_mqtt_pending_publish_bytes", "Payload bytes of publishes waiting or in flight.",
          value_of(c.publish_bytes_pending));
}

void add_receiving(InstanceMetrics& m, const core::Counters& c) {
  m.counter("dapr_mqtt_received_messages_total", "Messages received from the broker.", c.received);
  m.counter("dapr_mqtt_received_bytes_total", "Payload bytes of messages received from the broker.",
            c.received_bytes);
  m.counter("dapr_mqtt_deliveries_total", "Messages delivered to daprd, redeliveries included.",
            c.delivered);
  m.counter("dapr_mqtt_redeliveries_total",
            "Deliveries of messages that the app had failed before.", c.redelivered);
  const char* answers = "dapr_mqtt_acknowledgements_total";
  const char* help =
      "Answers to deliveries: ok or failed (by the app), not_reached (daprd did not reach the "
      "app), unknown (late, repeated or foreign).";
  m.counter(answers, help, c.acknowledged, {{"result", "ok"}});
  m.counter(answers, help, c.failed, {{"result", "failed"}});
  m.counter(answers, help, c.not_reached, {{"result", "not_reached"}});
  m.counter(answers, help, c.unknown_acks, {{"result", "unknown"}});
  m.histogram("dapr_mqtt_handling_duration_seconds",
              "Time from the delivery to daprd to the app's answer.", c.handling_time);
  m.gauge("dapr_mqtt_app_unreachable",
          "1 while daprd reports that it cannot reach the app, so that messages wait; else 0.",
          value_of(c.app_unreachable), {}, Same::kHighest);
  m.gauge("dapr_mqtt_unacknowledged_messages", "Messages delivered and not yet answered.",
          value_of(c.unacknowledged));
  m.gauge("dapr_mqtt_window_messages", "How many messages may be unacknowledged, over all streams.",
          value_of(c.window));
  const char* given_up = "dapr_mqtt_dropped_messages_total";
  const char* why = "Messages that will not be delivered (again), by reason.";
  m.counter(given_up, why, c.given_up, {{"reason", "retries_spent"}});
  m.counter(given_up, why, c.too_large, {{"reason", "too_large"}});
  m.counter(given_up, why, c.dropped_qos0, {{"reason", "inbox_full_qos0"}});
  m.counter(given_up, why, c.dropped, {{"reason", "inbox_full"}});
  m.counter(given_up, why, c.unrouted, {{"reason", "no_subscription"}});
  m.counter(given_up, why, c.dropped_ended, {{"reason", "subscription_ended"}});
  m.counter(given_up, why, c.expired, {{"reason", "expired"}});
  m.counter("dapr_mqtt_unclaimed_messages_total",
            "Messages of a persistent session that match no known subscription and wait for one.",
            c.unclaimed);
  const char* letters = "dapr_mqtt_dead_letters_total";
  const char* where =
      "Messages given up that have a dead-letter topic: published there, or lost (rejected).";
  m.counter(letters, where, c.dead_lettered, {{"result", "published"}});
  m.counter(letters, where, c.dead_letters_lost, {{"result", "lost"}});
}

void add_inbox(InstanceMetrics& m, const InstanceReading& instance, base::WallTime now) {
  const auto number = [](std::size_t n) { return static_cast<double>(n); };
  m.gauge("dapr_mqtt_inbox_messages", "Received messages that the app has not handled.",
          number(instance.inbox.messages));
  m.gauge("dapr_mqtt_inbox_bytes", "Size of the messages in the inbox, as inboxMaxBytes counts it.",
          number(instance.inbox.bytes));
  m.gauge("dapr_mqtt_inbox_max_messages", "The limit inboxMaxMessages.",
          number(instance.inbox_limits.max_messages));
  m.gauge("dapr_mqtt_inbox_max_bytes", "The limit inboxMaxBytes that is in force.",
          number(instance.inbox_limits.max_bytes));
  const std::chrono::duration<double> age =
      instance.oldest_received ? now - *instance.oldest_received : base::WallTime::duration{};
  m.gauge("dapr_mqtt_inbox_oldest_age_seconds",
          "Age of the oldest message in the inbox; 0 when it is empty.", std::max(age.count(), 0.0),
          {}, Same::kHighest);
  m.gauge("dapr_mqtt_held_messages",
          "Messages in the inbox that are not acknowledged to the broker yet.",
          number(instance.held.usage.messages));
  const std::chrono::duration<double> held_for = instance.held.usage.messages > 0
                                                     ? now - instance.held.oldest_received
                                                     : base::WallTime::duration{};
  m.gauge(
      "dapr_mqtt_held_oldest_age_seconds",
      "Age of the oldest message in the inbox that is not acknowledged to the broker yet; 0 when "
      "there is none.",
      std::max(held_for.count(), 0.0), {}, Same::kHighest);
  m.gauge("dapr_mqtt_stored_messages", "Messages in the inbox that are on disk.",
          number(instance.stored.messages));
  m.counter("dapr_mqtt_intake_stops_total",
            "How often the inbox was full and no more messages were acknowledged to the broker.",
            instance.counters.intake_paused);
}

void add_connections(InstanceMetrics& m, const InstanceReading& instance) {
  const core::Counters& c = instance.counters;
  m.gauge("dapr_mqtt_ready", "1 when connected and all subscriptions are accepted, else 0.",
          instance.ready ? 1 : 0, {}, Same::kLowest);
  const char* missing = "dapr_mqtt_missing_acknowledgements_total";
  const char* left = "Connections ended because the broker sent no acknowledgement.";
  m.counter(missing, left, c.publish_acks_missing, {{"request", "publish"}});
  m.counter(missing, left, c.subscribe_acks_missing, {{"request", "subscribe"}});
  m.counter(missing, left, c.unsubscribe_acks_missing, {{"request", "unsubscribe"}});
  for (const core::MissingAnswer& answer : instance.missing_answers) {
    m.gauge(
        "dapr_mqtt_missing_acknowledgement",
        "1 while this packet is overdue from the broker, for the topic or topic filter in name.", 1,
        {{"packet", answer.packet}, {"name", answer.name}}, Same::kHighest);
  }
  const char* connections = "dapr_mqtt_connections";
  const char* help = "Connections that the component keeps to the broker, by role and state.";
  const double up = instance.publisher_connected ? 1 : 0;
  const double consumers_up = value_of(c.consumers_up);
  m.gauge(connections, help, up, {{"role", "publisher"}, {"state", "up"}});
  m.gauge(connections, help, 1 - up, {{"role", "publisher"}, {"state", "down"}});
  m.gauge(connections, help, consumers_up, {{"role", "consumer"}, {"state", "up"}});
  m.gauge(connections, help, std::max(value_of(c.consumers) - consumers_up, 0.0),
          {{"role", "consumer"}, {"state", "down"}});
  m.counter("dapr_mqtt_connects_total", "Connections made, the first ones included.",
            c.connections);
  m.counter("dapr_mqtt_sessions_lost_total",
            "Persistent sessions that the broker did not keep: messages waiting in them are lost.",
            c.sessions_lost);
  m.counter("dapr_mqtt_connection_failures_total", "Connections lost, and attempts that failed.",
            c.connection_failures);
  m.gauge("dapr_mqtt_last_connection_failure_timestamp_seconds",
          "Time of the last connection failure, in seconds since 1970; 0: never.",
          value_of(c.last_connection_failure), {}, Same::kHighest);
  const double in_force = value_of(c.subscriptions_in_force);
  const char* subscriptions = "dapr_mqtt_subscriptions";
  const char* state = "Topic filters subscribed: in force at the broker, or pending.";
  m.gauge(subscriptions, state, in_force, {{"state", "in_force"}});
  m.gauge(subscriptions, state, std::max(value_of(c.subscriptions) - in_force, 0.0),
          {{"state", "pending"}});
  m.counter("dapr_mqtt_subscribe_refusals_total", "Subscriptions that the broker refused.",
            c.subscribe_refused);
}

const char* label_of(core::CredentialExpiry::What what) {
  switch (what) {
    case core::CredentialExpiry::What::kClientCertificate: return "client_certificate";
    case core::CredentialExpiry::What::kCaCertificate: return "ca_certificate";
    case core::CredentialExpiry::What::kBrokerCertificate: return "broker_certificate";
    case core::CredentialExpiry::What::kToken: return "token";
  }
  return "";
}

void add_credentials(InstanceMetrics& m, const InstanceReading& instance, base::WallTime now) {
  for (const core::CredentialExpiry& expiry : instance.credentials.expiries) {
    const std::chrono::duration<double> left = expiry.at - now;
    m.gauge("dapr_mqtt_credential_expires_in_seconds",
            "Time until this credential, which is in use, expires; negative: it has expired.",
            left.count(), {{"credential", label_of(expiry.what)}}, Same::kLowest);
  }
  m.gauge(
      "dapr_mqtt_credentials_rejected",
      "1 while the credentials in the files cannot be used or are refused by the broker, and the "
      "connection goes on with earlier ones; else 0.",
      instance.credentials.problem.ok() ? 0 : 1, {}, Same::kHighest);
  m.counter("dapr_mqtt_credential_renewals_total",
            "Connections made anew because their credentials have changed.",
            instance.counters.credential_renewals);
}

}  // namespace

class MetricsPage::Families : public PrometheusText {};

MetricsPage::MetricsPage(const BuildInfo& build, const ProcessReading& process,
                         const base::ClockReading& now)
    : now_(now), families_(std::make_unique<Families>()) {
  families_->gauge("dapr_mqtt_build_info", "1, with version and commit.",
                   {{"version", build.version}, {"commit", build.commit}}, 1);
  add_process(*families_, process);
  families_->gauge("dapr_mqtt_instances", "Initialised Components of all daprds.", {}, 0);
}

MetricsPage::~MetricsPage() = default;

void MetricsPage::add(const InstanceReading& instance) {
  families_->gauge("dapr_mqtt_instances", {}, {}, 1);
  InstanceMetrics metrics(*families_, instance);
  add_publishing(metrics, instance.counters);
  add_receiving(metrics, instance.counters);
  add_inbox(metrics, instance, now_.steady);
  add_connections(metrics, instance);
  add_credentials(metrics, instance, now_.wall);  // certificates have real times
}

std::string MetricsPage::text() const { return families_->text(); }

}  // namespace dapr_mqtt::observability
