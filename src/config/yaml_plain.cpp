#include "config/yaml_plain.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <system_error>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::config {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// YAML 1.1 has its words in these forms: yes, Yes or YES, but not yEs.
bool is_word(std::string_view text, std::string_view lower) {
  if (base::to_lower(text) != lower) return false;
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  const auto capitals = std::count_if(text.begin(), text.end(), is_upper);
  return capitals == 0 || capitals == static_cast<long>(text.size()) ||
         (capitals == 1 && is_upper(text.front()));
}

template <std::size_t N>
bool is_one_of(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return is_word(text, word); });
}

/// Go's strconv.ParseInt with base 0, then ParseUint.
std::optional<std::string> whole_number(std::string_view text) {
  bool negative = false;
  if (text.starts_with('+') || text.starts_with('-')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char mark = text[1];
    base = mark == 'x' || mark == 'X' ? 16 : mark == 'b' || mark == 'B' ? 2 : 8;
    text.remove_prefix(base != 8 || mark == 'o' || mark == 'O' ? 2 : 1);
  }
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value, base);
  if (text.empty() || problem != std::errc() || stop != end) return std::nullopt;
  constexpr auto kMostNegative = std::uint64_t{1} << 63U;
  if (negative && value > kMostNegative) return std::nullopt;
  return (negative && value != 0 ? "-" : "") + std::to_string(value);
}

/// [-+]?(.digits | digits[.digits])[e[-+]digits]
bool looks_like_float(std::string_view text) {
  std::size_t at = text.starts_with('+') || text.starts_with('-') ? 1 : 0;
  const auto digits = [&] {
    const std::size_t before = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at - before;
  };
  const std::size_t whole = digits();
  std::size_t fraction = 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    fraction = digits();
  }
  if (whole + fraction == 0) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

/// As Go's encoding/json writes a float64: without exponent from 1e-6 up to 1e21, else with one.
std::string json_number(double value) {
  if (value == 0) return std::signbit(value) ? "-0" : "0";
  std::array<char, 64> buffer{};
  const auto done = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                  std::chars_format::scientific);
  const std::string_view text(buffer.data(), static_cast<std::size_t>(done.ptr - buffer.data()));
  const std::size_t mark = text.find('e');
  int exponent = 0;
  const std::size_t sign = text[mark + 1] == '+' ? mark + 2 : mark + 1;
  std::from_chars(text.data() + sign, text.data() + text.size(), exponent);
  std::string out(text.starts_with('-') ? "-" : "");
  std::string digits;
  for (const char c : text.substr(0, mark)) {
    if (is_digit(c)) digits += c;
  }
  if (exponent < -6 || exponent >= 21) {
    out +=
        std::string(text.substr(out.size(), mark - out.size())) + "e" + (exponent < 0 ? "-" : "+");
    return out + std::to_string(std::abs(exponent));
  }
  if (exponent < 0)
    return out + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole) return out + digits + std::string(whole - digits.size(), '0');
  return out + digits.substr(0, whole) + "." + digits.substr(whole);
}

}  // namespace

std::optional<std::string> yaml_plain_as_json(std::string_view text) {
  static constexpr std::array<std::string_view, 4> kTrue = {"true", "yes", "on", "y"};
  static constexpr std::array<std::string_view, 4> kFalse = {"false", "no", "off", "n"};
  if (text.empty() || text == "~" || is_word(text, "null")) return std::nullopt;
  if (is_one_of(text, kTrue)) return "true";
  if (is_one_of(text, kFalse)) return "false";
  const bool number =
      is_digit(text.front()) || text.front() == '+' || text.front() == '-' || text.front() == '.';
  if (!number) return std::string(text);
  std::string plain(text);
  std::erase(plain, '_');
  if (auto whole = whole_number(plain)) return whole;
  if (!looks_like_float(plain)) return std::string(text);
  double value = 0;
  const char* const begin = plain.data() + (plain.starts_with('+') ? 1 : 0);
  const auto [stop, problem] = std::from_chars(begin, plain.data() + plain.size(), value);
  if (problem != std::errc() || stop != plain.data() + plain.size()) return std::string(text);
  return json_number(value);
}

}  // namespace dapr_mqtt::config
