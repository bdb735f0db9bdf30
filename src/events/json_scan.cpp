#include "events/json_scan.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <system_error>

#include "dapr_mqtt/base/encoding.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::events {
namespace {

/// A number of at most this length without an exponent is within the range of a double.
constexpr std::size_t kSafeDigits = 300;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::size_t at() const { return at_; }
  bool at_end() const { return at_ == text_.size(); }

  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) {
      ++at_;
    }
  }
  bool take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  /// A member's name and the colon after it.
  bool key() {
    skip_space();
    if (!string()) return false;
    skip_space();
    return take(':');
  }

  /// The string that begins here.
  bool string() {
    if (!take('"')) return false;
    for (;; ++at_) {
      at_ += plain_length(text_.substr(at_));
      if (at_end()) return false;
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return true;
      }
      if (static_cast<std::uint8_t>(c) < 0x20) return false;
      if (!escape()) return false;  // c is a backslash
    }
  }

  /// A value with everything in it, after optional white space.
  std::optional<JsonKind> value() {
    std::string open;  // '{' and '[' that have not been closed
    std::optional<JsonKind> kind;
    do {
      skip_space();
      bool complete = true;
      const auto one = begin_value(open, complete);
      if (!one) return std::nullopt;
      if (!kind) kind = one;
      if (complete && !go_on(open)) return std::nullopt;
    } while (!open.empty());
    return kind;
  }

 private:
  /// `complete`: the value ends here; else it is an object or array whose first value comes next.
  std::optional<JsonKind> begin_value(std::string& open, bool& complete) {
    if (at_end()) return std::nullopt;
    switch (text_[at_]) {
      case '{':
      case '[': {
        const bool object = text_[at_] == '{';
        if (open.size() == kMaxJsonDepth) return std::nullopt;
        open += text_[at_++];
        skip_space();
        complete = take(object ? '}' : ']');
        if (complete) {
          open.pop_back();
        } else if (object && !key()) {
          return std::nullopt;
        }
        return object ? JsonKind::kObject : JsonKind::kArray;
      }
      case '"': return string() ? std::optional(JsonKind::kString) : std::nullopt;
      case 't': return word("true", JsonKind::kBool);
      case 'f': return word("false", JsonKind::kBool);
      case 'n': return word("null", JsonKind::kNull);
      default: return number() ? std::optional(JsonKind::kNumber) : std::nullopt;
    }
  }

  /// After a value: closes the objects and arrays that end here, up to the next value or the end.
  bool go_on(std::string& open) {
    while (!open.empty()) {
      skip_space();
      const bool object = open.back() == '{';
      if (take(',')) return !object || key();
      if (!take(object ? '}' : ']')) return false;
      open.pop_back();
    }
    return true;
  }

  std::optional<JsonKind> word(std::string_view wanted, JsonKind kind) {
    if (!text_.substr(at_).starts_with(wanted)) return std::nullopt;
    at_ += wanted.size();
    return kind;
  }

  /// At the backslash; afterwards at its last character.
  bool escape() {
    if (++at_ == text_.size()) return false;
    if (text_[at_] != 'u') {
      return std::string_view("\"\\/bfnrt").find(text_[at_]) != std::string_view::npos;
    }
    for (int n = 0; n < 4; ++n) {
      if (++at_ == text_.size()) return false;
      const char c = text_[at_];
      if (!is_digit(c) && !(c >= 'a' && c <= 'f') && !(c >= 'A' && c <= 'F')) return false;
    }
    return true;
  }

  bool digits() {
    const std::size_t begin = at_;
    while (!at_end() && is_digit(text_[at_])) ++at_;
    return at_ != begin;
  }

  bool number() {
    const std::size_t begin = at_;
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    const bool exponent = take('e') || take('E');
    if (exponent) {
      if (!take('+')) take('-');
      if (!digits()) return false;
    }
    if (!exponent && at_ - begin <= kSafeDigits) return true;
    double ignored = 0;
    return std::from_chars(text_.data() + begin, text_.data() + at_, ignored).ec == std::errc();
  }

  const std::string_view text_;
  std::size_t at_ = 0;
};

/// Four hex digits.
std::uint32_t code_unit(std::string_view digits) {
  std::uint32_t unit = 0;
  std::from_chars(digits.data(), digits.data() + 4, unit, 16);
  return unit;
}

void append_utf8(std::string& out, std::uint32_t point) {
  const auto add = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (point < 0x80) return add(point);
  if (point < 0x800) {
    add(0xC0U | point >> 6U);
  } else {
    if (point < 0x10000) {
      add(0xE0U | point >> 12U);
    } else {
      add(0xF0U | point >> 18U);
      add(0x80U | (point >> 12U & 0x3FU));
    }
    add(0x80U | (point >> 6U & 0x3FU));
  }
  add(0x80U | (point & 0x3FU));
}

/// Removes a \u escape from the beginning of `text` and returns its character.
std::uint32_t take_unicode_escape(std::string_view& text) {
  constexpr std::size_t kLength = 6;
  constexpr std::uint32_t kReplacement = 0xFFFD;
  const std::uint32_t first = code_unit(text.substr(2));
  text.remove_prefix(kLength);
  if (first < 0xD800 || first > 0xDFFF) return first;
  if (first > 0xDBFF || !text.starts_with("\\u")) return kReplacement;
  const std::uint32_t second = code_unit(text.substr(2));
  if (second < 0xDC00 || second > 0xDFFF) return kReplacement;
  text.remove_prefix(kLength);
  return 0x10000 + ((first - 0xD800) << 10U) + (second - 0xDC00);
}

char short_escape(char c) {
  switch (c) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return c;  // " \ /
  }
}

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  out += "\\u00";
  base::append_hex(out, static_cast<std::uint8_t>(c), 2);
}

}  // namespace

bool is_json(std::string_view text) {
  if (text.empty() || !base::is_valid_utf8(text)) return false;
  Scanner scanner(text);
  if (!scanner.value()) return false;
  scanner.skip_space();
  return scanner.at_end();
}

bool for_each_member(std::string_view text, const std::function<void(const JsonMember&)>& each) {
  Scanner scanner(text);
  scanner.skip_space();
  if (!scanner.take('{') || !base::is_valid_utf8(text)) return false;
  scanner.skip_space();
  for (bool more = !scanner.take('}'); more;) {
    scanner.skip_space();
    const std::size_t name = scanner.at();
    if (!scanner.string()) return false;
    const std::string_view key = text.substr(name + 1, scanner.at() - name - 2);
    scanner.skip_space();
    if (!scanner.take(':')) return false;
    scanner.skip_space();
    const std::size_t begin = scanner.at();
    const auto kind = scanner.value();
    if (!kind) return false;
    each({key, text.substr(begin, scanner.at() - begin), *kind});
    scanner.skip_space();
    more = scanner.take(',');
    if (!more && !scanner.take('}')) return false;
  }
  scanner.skip_space();
  return scanner.at_end();
}

std::string unescaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t plain = std::min(text.find('\\'), text.size());
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    if (text[1] == 'u') {
      append_utf8(out, take_unicode_escape(text));
    } else {
      out += short_escape(text[1]);
      text.remove_prefix(2);
    }
  }
  return out;
}

std::size_t plain_length(std::string_view text) {
  // Tests eight bytes at once (Mycroft's test for a byte below a number, and for a zero byte).
  constexpr std::uint64_t kOnes = 0x0101010101010101U;
  constexpr std::uint64_t kHighBits = kOnes * 0x80;
  const auto has_zero = [](std::uint64_t word) { return (word - kOnes) & ~word; };
  std::size_t at = 0;
  for (std::uint64_t word = 0; at + sizeof word <= text.size(); at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    const std::uint64_t found = ((word - kOnes * 0x20) & ~word) | has_zero(word ^ kOnes * '"') |
                                has_zero(word ^ kOnes * '\\');
    if ((found & kHighBits) != 0) break;
  }
  for (; at < text.size(); ++at) {
    const auto byte = static_cast<std::uint8_t>(text[at]);
    if (byte < 0x20 || byte == '"' || byte == '\\') break;
  }
  return at;
}

void append_string(std::string& out, std::string_view text) {
  out += '"';
  for (;;) {
    const std::size_t plain = plain_length(text);
    out.append(text, 0, plain);
    if (plain == text.size()) break;
    append_escaped(out, text[plain]);
    text.remove_prefix(plain + 1);
  }
  out += '"';
}

}  // namespace dapr_mqtt::events
