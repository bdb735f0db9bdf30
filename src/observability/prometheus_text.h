#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dapr_mqtt/core/histogram.h"

namespace dapr_mqtt::observability {

/// Names and values, in the order they are shown. Names are not escaped.
using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

/// A page in Prometheus' text format 0.0.4: families in the order of their first
/// sample, each with its HELP and TYPE once. Not thread-safe.
class PrometheusText {
 public:
  /// How samples with the same name and labels are combined.
  enum class Same { kAdd, kLowest, kHighest };

  void counter(std::string_view name, std::string_view help, const Labels& labels, double value) {
    sample("counter", name, help, labels, value, Same::kAdd);
  }
  void gauge(std::string_view name, std::string_view help, const Labels& labels, double value,
             Same same = Same::kAdd) {
    sample("gauge", name, help, labels, value, same);
  }
  /// The times are shown in seconds.
  void histogram(std::string_view name, std::string_view help, const Labels& labels,
                 const core::Histogram::Snapshot& values);

  std::string text() const;

 private:
  struct Series {
    double value = 0;                     // of counters and gauges
    core::Histogram::Snapshot histogram;  // of histograms
  };
  struct Family {
    std::string_view type;
    std::string name;
    std::string help;
    std::map<std::string, Series> series;  // the key is the labels' text
  };

  Family& family(std::string_view type, std::string_view name, std::string_view help);
  void sample(std::string_view type, std::string_view name, std::string_view help,
              const Labels& labels, double value, Same same);

  std::vector<Family> families_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
};

}  // namespace dapr_mqtt::observability
