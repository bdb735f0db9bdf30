#include "observability/prometheus_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace dapr_mqtt::observability {
namespace {

/// The shortest text that gives the same number when read; without an exponent
/// below 1e15, for human readers.
std::string number(double value) {
  constexpr double kPlainBelow = 1e15;
  std::array<char, 64> buffer{};
  char* const end = buffer.data() + buffer.size();
  auto done = std::to_chars(buffer.data(), end, value, std::chars_format::fixed);
  if (done.ec != std::errc() || value >= kPlainBelow)
    done = std::to_chars(buffer.data(), end, value);
  return {buffer.data(), done.ptr};
}

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

/// Escapes backslash and line break; in a label's value (`quotes`) also the quote.
std::string escape(std::string_view text, bool quotes) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || (quotes && c == '"')) out += '\\';
    out += c;
  }
  return out;
}

/// name="value",…
std::string show(const Labels& labels) {
  std::string out;
  for (const auto& [name, value] : labels) {
    if (!out.empty()) out += ',';
    out.append(name).append("=\"").append(escape(value, true)).append("\"");
  }
  return out;
}

void append_line(std::string& out, std::string_view name, std::string_view suffix,
                 std::string_view labels, const std::string& value) {
  out.append(name).append(suffix);
  if (!labels.empty()) out.append("{").append(labels).append("}");
  out.append(" ").append(value).append("\n");
}

void append_histogram(std::string& out, std::string_view name, const std::string& labels,
                      const core::Histogram::Snapshot& values) {
  const std::string before = labels.empty() ? "le=\"" : labels + ",le=\"";
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < core::Histogram::kBuckets; ++i) {
    below += values.counts[i];
    const std::string bound =
        i < core::Histogram::kBounds.size() ? number(seconds(core::Histogram::kBounds[i])) : "+Inf";
    append_line(out, name, "_bucket", before + bound + "\"", std::to_string(below));
  }
  append_line(out, name, "_sum", labels, number(seconds(values.sum)));
  append_line(out, name, "_count", labels, std::to_string(below));
}

}  // namespace

PrometheusText::Family& PrometheusText::family(std::string_view type, std::string_view name,
                                               std::string_view help) {
  const auto known = by_name_.find(name);
  if (known != by_name_.end()) return families_[known->second];
  by_name_.emplace(name, families_.size());
  return families_.emplace_back(Family{type, std::string(name), std::string(help), {}});
}

void PrometheusText::sample(std::string_view type, std::string_view name, std::string_view help,
                            const Labels& labels, double value, Same same) {
  const auto [it, fresh] = family(type, name, help).series.try_emplace(show(labels));
  double& shown = it->second.value;
  switch (fresh ? Same::kAdd : same) {
    case Same::kAdd: shown += value; break;
    case Same::kLowest: shown = std::min(shown, value); break;
    case Same::kHighest: shown = std::max(shown, value); break;
  }
}

void PrometheusText::histogram(std::string_view name, std::string_view help, const Labels& labels,
                               const core::Histogram::Snapshot& values) {
  core::Histogram::Snapshot& shown = family("histogram", name, help).series[show(labels)].histogram;
  for (std::size_t i = 0; i < core::Histogram::kBuckets; ++i) shown.counts[i] += values.counts[i];
  shown.sum += values.sum;
}

std::string PrometheusText::text() const {
  std::string out;
  for (const Family& f : families_) {
    out += "# HELP " + f.name + " " + escape(f.help, false) + "\n";
    out += "# TYPE " + f.name + " " + std::string(f.type) + "\n";
    for (const auto& [labels, series] : f.series) {
      if (f.type == "histogram") {
        append_histogram(out, f.name, labels, series.histogram);
      } else {
        append_line(out, f.name, "", labels, number(series.value));
      }
    }
  }
  return out;
}

}  // namespace dapr_mqtt::observability
