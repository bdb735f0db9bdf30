#include "events/event_writer.h"

#include <chrono>

#include "dapr_mqtt/base/encoding.h"
#include "dapr_mqtt/base/text.h"
#include "events/json_scan.h"
#include "events/media_type.h"

namespace dapr_mqtt::events {
namespace {

enum class Form { kJson, kText, kBase64 };

struct Data {
  Form form;
  std::string_view content_type;
};

/// UTF-8 without control characters other than tab and line breaks: those would be a sign of binary
/// data, and take six bytes each in JSON.
bool is_plain_text(std::string_view payload) {
  if (!base::is_valid_utf8(payload)) return false;
  for (;;) {
    payload.remove_prefix(plain_length(payload));
    if (payload.empty()) return true;
    if (std::string_view("\"\\\t\n\r").find(payload.front()) == std::string_view::npos)
      return false;
    payload.remove_prefix(1);
  }
}

/// With zeros in front up to `digits` digits.
void append_number(std::string& out, std::int64_t number, std::size_t digits) {
  const std::string text = std::to_string(number);
  if (text.size() < digits) out.append(digits - text.size(), '0');
  out += text;
}

Data form_of(std::string_view payload, std::string_view declared) {
  if (is_media_type(declared)) {
    if (is_json_type(declared)) return {is_json(payload) ? Form::kJson : Form::kBase64, declared};
    const bool text = is_text_type(declared) && is_plain_text(payload);
    return {text ? Form::kText : Form::kBase64, declared};
  }
  if (is_json(payload)) return {Form::kJson, "application/json"};
  if (is_plain_text(payload)) return {Form::kText, "text/plain"};
  return {Form::kBase64, "application/octet-stream"};
}

}  // namespace

void EventWriter::name(std::string_view name) {
  out_ += out_.empty() ? '{' : ',';
  out_ += '"';
  out_ += name;
  out_ += "\":";
}

void EventWriter::text(std::string_view name, std::string_view value) {
  this->name(name);
  append_string(out_, value);
}

void EventWriter::number(std::string_view name, std::int64_t value) {
  this->name(name);
  out_ += std::to_string(value);
}

void EventWriter::flag(std::string_view name, bool value) {
  this->name(name);
  out_ += value ? "true" : "false";
}

void EventWriter::time(std::string_view name, base::WallTime value) {
  const auto day = std::chrono::floor<std::chrono::days>(value);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(value - day);
  std::string text;
  append_number(text, static_cast<int>(date.year()), 4);
  append_number(text += '-', static_cast<unsigned>(date.month()), 2);
  append_number(text += '-', static_cast<unsigned>(date.day()), 2);
  append_number(text += 'T', clock.hours().count(), 2);
  append_number(text += ':', clock.minutes().count(), 2);
  append_number(text += ':', clock.seconds().count(), 2);
  append_number(text += '.', clock.subseconds().count(), 3);
  this->text(name, text += 'Z');
}

void EventWriter::data(std::string_view payload, std::string_view declared) {
  const Data data = form_of(payload, declared);
  text("datacontenttype", data.content_type);
  if (data.form == Form::kJson) {
    name("data");
    out_ += payload;
  } else if (data.form == Form::kText) {
    text("data", payload);
  } else {
    name("data_base64");
    out_ += '"';
    out_ += base::to_base64(payload);
    out_ += '"';
  }
}

std::string EventWriter::take() && {
  out_ += '}';
  return std::move(out_);
}

}  // namespace dapr_mqtt::events
