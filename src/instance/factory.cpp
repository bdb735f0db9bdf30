#include <algorithm>
#include <utility>

#include "dapr_mqtt/base/worker.h"
#include "dapr_mqtt/instance/make_factory.h"
#include "dapr_mqtt/storage/durable_inbox.h"
#include "instance/client_identity.h"
#include "instance/mqtt_instance.h"

namespace dapr_mqtt::instance {
namespace {

// What is left for connecting when an older instance with the same consumerID
// took its time to go.
constexpr std::chrono::milliseconds kLeastForConnecting{500};

class Factory final : public InstanceFactory {
 public:
  Factory(core::BrokerClientFactory& broker, base::Logger& logger, FactoryOptions options)
      : broker_(broker), logger_(logger), options_(std::move(options)) {}

  ~Factory() override {
    control_.stop();
    reaper_.stop();  // runs what instances have posted: the last are destroyed here
  }

  base::Status check(const core::Metadata& metadata) const override {
    return config::parse_component_metadata(metadata).status();
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
    identities_.claim(
        identity, name, deadline,
        [this, name, metadata = std::move(metadata), settings = std::move(settings).value(),
         deadline,
         created = std::move(created)](base::Result<std::shared_ptr<IdentityRegistry::Claim>> claim) mutable {
          if (!claim.ok()) {
            created(claim.status());
            return;
          }
          connect(std::move(name), std::move(metadata), std::move(settings), deadline,
                  std::move(claim).value(), std::move(created));
        });
  }

 private:
  /// On control_.
  void connect(std::string name, core::Metadata metadata, config::ComponentSettings settings,
               base::TimePoint deadline, std::shared_ptr<IdentityRegistry::Claim> claim,
               Created created) {
    std::unique_ptr<core::DurableInbox> durable;
    if (!settings.connection.clean_session && !options_.state_dir.empty()) {
      auto opened = open_inbox(settings, base::Log(logger_, name));
      if (!opened.ok()) {
        created(opened.status());
        return;
      }
      durable = std::move(opened).value();
    }
    const bool in_background = settings.connect_in_background;
    const auto full = settings.connection.connect_timeout;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - control_.now());
    settings.connection.connect_timeout = std::min(full, std::max(left, kLeastForConnecting));
    const std::shared_ptr<MqttInstance> instance(
        new MqttInstance(std::move(name), std::move(metadata), std::move(settings), broker_,
                         logger_, std::move(claim), std::move(durable), options_.state_dir),
        [this](MqttInstance* done_with) {
          // Its destructor joins threads, maybe the one that let go of it last.
          reaper_.post([done_with] { delete done_with; });
        });
    if (in_background) {
      instance->open([](const base::Status&) { /* logged by the connection */ });
      created(std::shared_ptr<Instance>(instance));
      return;
    }
    instance->open([this, instance, created = std::move(created)](base::Status status) {
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

  base::Result<std::unique_ptr<core::DurableInbox>> open_inbox(
      const config::ComponentSettings& settings, const base::Log& log) const {
    storage::DurableInboxOptions inbox;
    inbox.state_dir = options_.state_dir;
    inbox.identity = identity_of(settings.connection);
    inbox.consumer_id = settings.connection.client_id;
    inbox.limits = settings.inbox;
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
    return opened;
  }

  core::BrokerClientFactory& broker_;
  base::Logger& logger_;
  const FactoryOptions options_;
  base::Worker reaper_{"mqtt-reaper"};
  base::Worker control_{"mqtt-control"};
  IdentityRegistry identities_{control_};
};

}  // namespace

std::unique_ptr<InstanceFactory> make_instance_factory(core::BrokerClientFactory& broker,
                                                       base::Logger& logger,
                                                       FactoryOptions options) {
  return std::make_unique<Factory>(broker, logger, std::move(options));
}

}  // namespace dapr_mqtt::instance
