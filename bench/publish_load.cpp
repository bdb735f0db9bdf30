#include "publish_load.h"

namespace dapr_mqtt::bench {
namespace {

class PublishFlow final : public Flow {
 public:
  PublishFlow(Running& subject, const PublishLoad& load) : subject_(subject), load_(load) {}

  Measurement run(int messages) override {
    return subject_.load().request({{"do", "publish"},
                                    {"instance", Running::kInstance},
                                    {"messages", messages},
                                    {"callers", load_.callers},
                                    {"size", load_.size},
                                    {"bulk", load_.bulk},
                                    {"over", load_.topics}});
  }

 private:
  Running& subject_;
  const PublishLoad load_;
};

}  // namespace

std::unique_ptr<Flow> publish_flow(Running& subject, const PublishLoad& load) {
  return std::make_unique<PublishFlow>(subject, load);
}

}  // namespace dapr_mqtt::bench
