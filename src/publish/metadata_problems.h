#pragma once

#include <string>
#include <string_view>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::publish {

/// Collects all problems of one request's metadata in one text.
class MetadataProblems {
 public:
  void add(std::string_view key, std::string_view value, std::string_view allowed) {
    if (!text_.empty()) text_ += "; ";
    text_ += "publish metadata " + base::quote(key, 64) + ": " + base::quote(value, 64) +
             " is not " + std::string(allowed);
  }
  bool empty() const { return text_.empty(); }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace dapr_mqtt::publish
