#include <algorithm>
#include <atomic>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/worker.h"
#include "dapr_mqtt/instance/make_factory.h"
#include "dapr_mqtt/storage/durable_inbox.h"
#include "dapr_mqtt/storage/old_inboxes.h"
#include "instance/client_identity.h"
#include "instance/inbox_opener.h"
#include "instance/mqtt_instance.h"

namespace dapr_mqtt::instance {
namespace {

// The least time for connecting, if closing an older instance with the same
// consumerID or opening the inbox has taken long.
constexpr std::chrono::milliseconds kLeastForConnecting{500};

class Factory final : public InstanceFactory {
 public:
  Factory(core::BrokerClientFactory& broker, base::Logger& logger, FactoryOptions options)
      : broker_(broker), logger_(logger), options_(std::move(options)) {}

  ~Factory() override {
    control_.stop();
    reaper_.stop();  // runs the tasks that destroy the last instances
  }

  base::Status check(const core::Metadata& metadata) const override {
    return config::parse_component_metadata(metadata).status();
  }

  bool same_client(const core::Metadata& one, const core::Metadata& other) const override {
    const auto identities = [](const core::Metadata& metadata) {
      std::vector<std::string> out;
      if (const auto settings = config::parse_component_metadata(metadata); settings.ok()) {
        core::ConnectionOptions connection = settings.value().connection;
        out.push_back(identity_of(connection));
        connection.client_id = connection.publisher_client_id;
        if (!connection.client_id.empty()) out.push_back(identity_of(connection));
      }
      return out;
    };
    const std::vector<std::string> of_one = identities(one);
    const std::vector<std::string> of_other = identities(other);
    return std::find_first_of(of_one.begin(), of_one.end(), of_other.begin(), of_other.end()) !=
           of_one.end();
  }

  void create(std::string name, core::Metadata metadata, Created created) override {
    auto settings = config::parse_component_metadata(metadata);
    if (!settings.ok()) {
      created(settings.status());
      return;
    }
    const base::Log log(logger_, name);
    for (const std::string& warning : settings.value().warnings) log.warn(warning);

    const base::TimePoint deadline = control_.now() + settings.value().connection.connect_timeout;
    const std::string identity = identity_of(settings.value().connection);
    const auto creation =
        std::make_shared<Creation>(Creation{name, std::move(metadata), std::move(settings).value(),
                                            deadline, nullptr, std::move(created)});
    identities_.claim(
        identity, std::move(name), deadline,
        [this, creation](base::Result<std::shared_ptr<IdentityRegistry::Claim>> claim) {
          if (!claim.ok()) {
            creation->created(claim.status());
            return;
          }
          creation->claim = std::move(claim).value();
          claim_publisher(creation);
        });
  }

 private:
  using ClaimPtr = std::shared_ptr<IdentityRegistry::Claim>;
  /// The state of one call of create(). Used by one thread at a time.
  struct Creation {
    std::string name;
    core::Metadata metadata;
    config::ComponentSettings settings;
    base::TimePoint deadline;
    ClaimPtr claim;
    Created created;
  };
  using CreationPtr = std::shared_ptr<Creation>;

  /// On control_. Two Components must not share a clientIdPublisher, for the same reason as with
  /// consumerID.
  void claim_publisher(const CreationPtr& creation) {
    core::ConnectionOptions publisher = creation->settings.connection;
    if (publisher.publisher_client_id.empty()) return with_inbox(creation);
    publisher.client_id = publisher.publisher_client_id;
    identities_.claim(
        identity_of(publisher), creation->name, creation->deadline,
        [this, creation](base::Result<ClaimPtr> claim) {
          if (!claim.ok()) {
            creation->created(claim.status());
            return;
          }
          const auto both = std::make_shared<std::pair<ClaimPtr, ClaimPtr>>(
              std::move(creation->claim), std::move(claim).value());
          creation->claim = ClaimPtr(both, both->first.get());  // keeps both claims
          with_inbox(creation);
        },
        "clientIdPublisher");
  }

  /// On control_.
  void with_inbox(const CreationPtr& creation) {
    if (creation->settings.connection.clean_session || options_.state_dir.empty() ||
        creation->settings.inbox == config::Inbox::kBroker) {
      connect(*creation, nullptr);
      return;
    }
    opener_.open(
        [this, creation] {
          creation->settings.inbox_limits =
              storage::fit_to_volume(creation->settings.inbox_limits, options_.state_dir,
                                     base::Log(logger_, creation->name));
          return open_inbox(creation->name, creation->settings);
        },
        [this, creation](InboxOpener::Opened opened) {
          const auto inbox = std::make_shared<InboxOpener::Opened>(std::move(opened));
          control_.post([this, creation, inbox] {
            if (inbox->ok()) {
              connect(*creation, std::move(*inbox).value());
            } else if (creation->settings.inbox == config::Inbox::kAuto &&
                       (inbox->status().kind() == base::ErrorKind::kUnavailable ||
                        inbox->status().kind() == base::ErrorKind::kResourceExhausted)) {
              without_disk(*creation, inbox->status());
            } else {
              creation->created(inbox->status());
            }
          });
        });
  }

  /// On control_. The broker keeps messages that the app has not handled, so a disk is not needed.
  void without_disk(Creation& creation, const base::Status& cause) {
    base::Log(logger_, creation.name)
        .warn(
            "going on as with inbox \"broker\": a message that the app fails keeps its place in "
            "the broker's window until it is handled or given up. The reason: " +
            cause.message());
    connect(creation, nullptr);
  }

  /// On control_.
  void connect(Creation& creation, std::unique_ptr<core::DurableInbox> durable) {
    config::ComponentSettings& settings = creation.settings;
    const bool in_background = settings.connect_in_background;
    if (!in_background) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(creation.deadline - control_.now());
      settings.connection.first_connect_timeout =
          std::min(settings.connection.connect_timeout, std::max(left, kLeastForConnecting));
    }
    MqttInstance* made = nullptr;
    try {
      made = new MqttInstance(std::move(creation.name), std::move(creation.metadata),
                              std::move(settings), broker_, logger_, std::move(creation.claim),
                              std::move(durable), options_);
    } catch (const std::system_error& error) {
      creation.created(base::resource_exhausted(
          std::string("the system cannot start a thread for the Component: ") + error.what()));
      return;
    }
    const std::shared_ptr<MqttInstance> instance(made, [this](MqttInstance* done_with) {
      // The destructor joins threads, maybe the thread that has dropped the last reference.
      reaper_.post([done_with] { delete done_with; });
    });
    if (in_background) {
      instance->open([](const base::Status&) { /* logged by the connection */ });
      creation.created(std::shared_ptr<Instance>(instance));
      return;
    }
    instance->open([this, instance, created = std::move(creation.created)](base::Status status) {
      control_.post([instance, created, status] {
        if (status.ok()) {
          created(std::shared_ptr<Instance>(instance));
          return;
        }
        instance->close([] {});
        created(status);
      });
    });
  }

  /// On a thread of opener_.
  base::Result<std::unique_ptr<core::DurableInbox>> open_inbox(
      const std::string& name, const config::ComponentSettings& settings) {
    const base::Log log(logger_, name);
    storage::DurableInboxOptions inbox;
    inbox.state_dir = options_.state_dir;
    inbox.identity = identity_of(settings.connection);
    inbox.consumer_id = settings.connection.client_id;
    inbox.component = name;
    inbox.brokers = brokers_of(settings.connection);
    inbox.limits = settings.inbox_limits;
    inbox.longest_wait = settings.retry_interval;
    inbox.full_sync = settings.inbox_sync_full;
    auto opened = storage::open_durable_inbox(inbox, log);
    if (opened.ok() && options_.wrap_inbox) {
      opened = options_.wrap_inbox(std::move(opened).value());
    }
    if (opened.ok()) {
      if (const std::size_t left = opened.value()->usage().messages; left > 0) {
        log.info(std::to_string(left) + " messages of an earlier run wait in the inbox");
      }
    }
    // Once: all Components of the process share the state folder.
    if (!old_inboxes_seen_.exchange(true)) {
      storage::check_old_inboxes({.state_dir = options_.state_dir}, log);
    }
    return opened;
  }

  core::BrokerClientFactory& broker_;
  base::Logger& logger_;
  const FactoryOptions options_;
  std::atomic<bool> old_inboxes_seen_{false};
  base::Worker reaper_{"mqtt-reaper"};
  base::Worker control_{"mqtt-control"};
  IdentityRegistry identities_{control_};
  InboxOpener opener_;  // last: its threads use the others, and end first
};

}  // namespace

std::unique_ptr<InstanceFactory> make_instance_factory(core::BrokerClientFactory& broker,
                                                       base::Logger& logger,
                                                       FactoryOptions options) {
  return std::make_unique<Factory>(broker, logger, std::move(options));
}

}  // namespace dapr_mqtt::instance
