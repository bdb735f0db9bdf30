#include "dapr_mqtt/base/parse.h"

#include <array>
#include <charconv>
#include <limits>
#include <string>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::base {
namespace {

constexpr std::uint64_t kMaxNanoseconds = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::uint64_t kNanosecondsPerMillisecond = 1'000'000;

struct Unit {
  std::string_view name;
  std::uint64_t nanoseconds;
};

// take_unit() takes the first that matches: "ms" must come before "m".
constexpr std::array<Unit, 8> kUnits = {{
    {"ns", 1},
    {"us", 1'000},
    {"\u00b5s", 1'000},  // micro sign
    {"\u03bcs", 1'000},  // Greek letter mu, which looks the same
    {"ms", kNanosecondsPerMillisecond},
    {"s", kNanosecondsPerSecond},
    {"m", 60 * kNanosecondsPerSecond},
    {"h", 3600 * kNanosecondsPerSecond},
}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Removes the leading digits from `text` and returns them.
std::string_view take_digits(std::string_view& text) {
  std::size_t count = 0;
  while (count < text.size() && is_digit(text[count])) ++count;
  const std::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

const Unit* take_unit(std::string_view& text) {
  for (const Unit& unit : kUnits) {
    if (text.starts_with(unit.name)) {
      text.remove_prefix(unit.name.size());
      return &unit;
    }
  }
  return nullptr;
}

/// Adds `whole`.`fraction` times `unit` to `total`; false when that overflows.
bool add(std::string_view whole, std::string_view fraction, std::uint64_t unit,
         std::uint64_t& total) {
  std::uint64_t count = 0;
  if (!whole.empty()) {
    const auto [end, error] = std::from_chars(whole.data(), whole.data() + whole.size(), count);
    if (error != std::errc()) return false;
  }
  if (count > (kMaxNanoseconds - total) / unit) return false;
  total += count * unit;
  std::uint64_t place = unit;
  for (const char digit : fraction) {
    place /= 10;
    const std::uint64_t part = place * static_cast<std::uint64_t>(digit - '0');
    if (part > kMaxNanoseconds - total) return false;
    total += part;
  }
  return true;
}

}  // namespace

std::optional<bool> parse_bool(std::string_view text) {
  const std::string value = to_lower(trim(text));
  for (const std::string_view yes : {"true", "t", "yes", "y", "on", "1"}) {
    if (value == yes) return true;
  }
  for (const std::string_view no : {"false", "f", "no", "n", "off", "0"}) {
    if (value == no) return false;
  }
  return std::nullopt;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  text = trim(text);
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  text = trim(text);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;

  std::uint64_t total = 0;
  if (text.find_first_not_of("0123456789") == std::string_view::npos) {
    if (!add(text, {}, kNanosecondsPerSecond, total)) return std::nullopt;
    text = {};
  }
  while (!text.empty()) {
    const std::string_view whole = take_digits(text);
    std::string_view fraction;
    if (text.starts_with('.')) {
      text.remove_prefix(1);
      fraction = take_digits(text);
    }
    if (whole.empty() && fraction.empty()) return std::nullopt;
    const Unit* const unit = take_unit(text);
    if (unit == nullptr || !add(whole, fraction, unit->nanoseconds, total)) return std::nullopt;
  }
  const auto count = static_cast<std::int64_t>(total / kNanosecondsPerMillisecond +
                                               (total % kNanosecondsPerMillisecond != 0 ? 1 : 0));
  return std::chrono::milliseconds(negative ? -count : count);
}

std::optional<std::int64_t> parse_size(std::string_view text) {
  std::string_view rest = trim(text);
  const std::string_view digits = take_digits(rest);
  const auto count = parse_integer(digits);
  if (!count) return std::nullopt;
  std::int64_t unit = 1;
  if (!rest.empty()) {
    constexpr std::string_view kPrefixes = "kMGT";
    const char prefix = rest.front() == 'K' && rest.size() == 2 ? 'k' : rest.front();
    const std::size_t power = kPrefixes.find(prefix);
    const bool binary = rest.size() == 2 && rest.back() == 'i' && rest.front() != 'k';
    if (power == std::string_view::npos || (rest.size() != 1 && !binary)) return std::nullopt;
    for (std::size_t i = 0; i <= power; ++i) unit *= binary ? 1024 : 1000;
  }
  if (*count > std::numeric_limits<std::int64_t>::max() / unit) return std::nullopt;
  return *count * unit;
}

}  // namespace dapr_mqtt::base
