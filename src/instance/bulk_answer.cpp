#include "instance/bulk_answer.h"

namespace dapr_mqtt::instance {

BulkAnswer::BulkAnswer(std::vector<std::string> ids, Done done)
    : ids_(std::move(ids)), errors_(ids_.size()), open_(ids_.size()), done_(std::move(done)) {}

void BulkAnswer::entry(std::size_t index, const base::Status& status) {
  if (!status.ok()) errors_[index] = status.message();
  if (open_.fetch_sub(1) != 1) return;
  std::vector<FailedEntry> failed;
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    if (errors_[i]) failed.push_back({std::move(ids_[i]), std::move(*errors_[i])});
  }
  done_(std::move(failed));
}

}  // namespace dapr_mqtt::instance
