#include "app/documents.h"

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::app {

base::Result<std::string> generate_document(const std::string& what) {
  if (what == "schema") return component_schema();
  if (what == "fields") return fields_table();
  if (what == "options") return options_table();
  if (what == "man") return man_page();
  if (what == "bash") return bash_completion();
  return base::invalid_argument("generate: " + base::quote(what) +
                                " is not allowed; use schema, fields, options, man or bash");
}

}  // namespace dapr_mqtt::app
