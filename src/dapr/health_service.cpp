#include "dapr/health_service.h"

#include <algorithm>
#include <utility>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::dapr {
namespace {

constexpr std::size_t kHealthRequests = 2;

class WatchMethod final : public Method {
 public:
  explicit WatchMethod(HealthService& service) : Method(kHealthRequests), service_(service) {}

 private:
  void request_one() override { std::make_shared<HealthWatch>(service_, *this)->request_call(); }

  HealthService& service_;
};

grpc::Status end_of_watch() {
  return grpc::Status(grpc::StatusCode::UNAVAILABLE, "this component is stopping");
}

}  // namespace

HealthService::HealthService(std::vector<std::string> names) : names_(std::move(names)) {
  methods_.push_back(unary_method(service_, &Generated::AsyncService::RequestCheck, kHealthRequests,
                                  [this](const auto& call) { check(*call); }));
  methods_.push_back(std::make_unique<WatchMethod>(*this));
}

void HealthService::open(CompletionThread& thread) {
  for (const auto& method : methods_) method->open(thread);
}

HealthService::Status HealthService::watched_status(const std::string& name) const {
  if (std::find(names_.begin(), names_.end(), name) == names_.end()) {
    return health::HealthCheckResponse::SERVICE_UNKNOWN;
  }
  base::MutexLock lock(mutex_);
  return serving_ ? health::HealthCheckResponse::SERVING : health::HealthCheckResponse::NOT_SERVING;
}

void HealthService::check(
    UnaryCall<health::HealthCheckRequest, health::HealthCheckResponse>& call) {
  const std::string& name = call.request().service();
  const Status status = watched_status(name);
  if (status == health::HealthCheckResponse::SERVICE_UNKNOWN) {
    return call.answer(
        grpc::Status(grpc::StatusCode::NOT_FOUND, "no service " + base::quote(name)));
  }
  call.response().set_status(status);
  call.answer(grpc::Status::OK);
}

void HealthService::set_serving(bool serving) {
  std::set<std::shared_ptr<HealthWatch>> watches;
  {
    base::MutexLock lock(mutex_);
    serving_ = serving;
    watches = watches_;
  }
  for (const auto& watch : watches) watch->refresh();
}

void HealthService::end_watches() {
  std::set<std::shared_ptr<HealthWatch>> watches;
  {
    base::MutexLock lock(mutex_);
    ended_ = true;
    watches = watches_;
  }
  for (const auto& watch : watches) watch->end(end_of_watch());
}

void HealthService::add(const std::shared_ptr<HealthWatch>& watch) {
  bool ended = false;
  {
    base::MutexLock lock(mutex_);
    watches_.insert(watch);
    ended = ended_;
  }
  if (ended) watch->end(end_of_watch());
}

void HealthService::remove(const std::shared_ptr<HealthWatch>& watch) {
  base::MutexLock lock(mutex_);
  watches_.erase(watch);
}

}  // namespace dapr_mqtt::dapr
