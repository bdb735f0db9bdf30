#include "app/documents.h"
#include "dapr_mqtt/config/keys.h"

namespace dapr_mqtt::app {
namespace {

/// Text for a cell: escapes bars, which would end it.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

std::string code(std::string_view text) {
  return text.empty() ? std::string() : "`" + cell(text) + "`";
}

}  // namespace

std::string fields_table() {
  std::string out = "| Field | Required | Details | Default | Example |\n|---|:---:|---|---|---|\n";
  for (const config::KeyInfo& key : config::keys()) {
    std::string allowed(key.allowed);
    out += "| " + code(key.name) + " | " + (key.required ? "Y" : "N") + " | " +
           cell(key.description) + " Allowed: " + cell(allowed) + "." +
           (key.sensitive ? " Can be a `secretKeyRef`." : "") + " | " + code(key.default_value) +
           " | " + code(key.example) + " |\n";
  }
  return out;
}

}  // namespace dapr_mqtt::app
