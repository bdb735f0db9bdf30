// Holds the include lines of src/ and include/ to the graph in src/README.md.
// Linking alone does not: Debian's headers all lie in one folder.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

using Rooms = std::set<std::string>;

/// Whose public headers a room may include, besides its own.
const std::map<std::string, Rooms> kMayInclude = {
    {"base", {}},
    {"core", {"base"}},
    {"events", {"base", "core"}},
    {"publish", {"base", "core"}},
    {"subscribe", {"base", "core"}},
    {"delivery", {"base", "core"}},
    {"storage", {"base", "core"}},
    {"credentials", {"base", "core"}},
    {"config", {"base", "core", "credentials"}},
    {"packets", {"base", "core"}},
    {"transport", {"base", "core"}},
    {"mqtt", {"base", "core", "credentials", "packets", "transport"}},
    {"inspect", {"base", "core"}},
    {"instance",
     {"base", "core", "events", "publish", "subscribe", "delivery", "config", "storage",
      "inspect"}},
    {"dapr", {"base", "core", "instance"}},
    {"observability", {"base", "core"}},
    {"sidecar", {"base"}},
    {"app",
     {"base", "core", "events", "publish", "subscribe", "delivery", "storage", "credentials",
      "config", "transport", "mqtt", "inspect", "instance", "dapr", "observability", "sidecar"}},
};

struct Library {
  const char* name;
  std::vector<std::string> headers;  // beginnings, as written after #include
  Rooms rooms;                       // the only ones to include it
};

const std::vector<Library>& libraries() {
  static const std::vector<Library> all = {
      {"gRPC", {"<grpc/", "<grpcpp/", "<absl/", "\"grpc"}, {"dapr"}},
      {"protobuf", {"<google/", "\"google/", "<dapr/proto/", "\"dapr/proto/"}, {"dapr"}},
      // "mqtt/… in quotes is our own room.
      {"Paho", {"<mqtt/", "<MQTT", "\"MQTT"}, {"mqtt"}},
      {"SQLite", {"<sqlite3", "\"sqlite3"}, {"storage"}},
      {"yaml-cpp", {"<yaml-cpp/", "\"yaml-cpp/"}, {"config"}},
      {"spdlog", {"<spdlog/", "<fmt/", "\"spdlog/", "\"fmt/"}, {"observability"}},
      {"cpp-httplib", {"<httplib", "\"httplib"}, {"observability", "sidecar"}},
      {"CLI11", {"<CLI/", "\"CLI/"}, {"app"}},
      {"nlohmann/json", {"<nlohmann/", "\"nlohmann/"}, {"app", "instance", "sidecar"}},
      {"OpenSSL", {"<openssl/", "\"openssl/"}, {"credentials", "transport"}},
      {"wslay", {"<wslay/", "\"wslay/"}, {"transport"}},
  };
  return all;
}

/// What a line includes, with the bracket or quote before it; empty: nothing.
std::string included(std::string line) {
  const auto skip_space = [&] { line.erase(0, line.find_first_not_of(" \t")); };
  for (const char* word : {"#", "include"}) {
    skip_space();
    if (!line.starts_with(word)) return {};
    line.erase(0, std::string(word).size());
  }
  skip_space();
  if (!line.starts_with('<') && !line.starts_with('"')) return {};
  return line.substr(0, line.find_first_of(">\"", 1));
}

/// The folder after `start`, which `header` begins with; none when it has none.
std::optional<std::string> folder_after(const std::string& start, const std::string& header) {
  const std::size_t slash = header.find('/', start.size());
  if (!header.starts_with(start) || slash == std::string::npos) return std::nullopt;
  return header.substr(start.size(), slash - start.size());
}

/// Why `room` may not have this line, if it may not.
std::optional<std::string> objection(const std::string& room, const std::string& line) {
  const std::string header = included(line);
  for (const char* start : {"\"dapr_mqtt/", "<dapr_mqtt/"}) {
    const auto other = folder_after(start, header);
    if (!other) continue;
    if (*other == room || kMayInclude.at(room).contains(*other)) return std::nullopt;
    return room + " may not include " + *other;
  }
  for (const Library& library : libraries()) {
    if (std::none_of(library.headers.begin(), library.headers.end(),
                     [&](const std::string& start) { return header.starts_with(start); })) {
      continue;
    }
    if (library.rooms.contains(room)) return std::nullopt;
    return std::string(library.name) + " is not for " + room;
  }
  const auto owner = folder_after("\"", header);
  if (owner && *owner != room) return "a private header of " + *owner;
  return std::nullopt;
}

std::vector<fs::path> sources_of(const std::string& room) {
  std::vector<fs::path> out;
  for (const fs::path& top : {fs::path(PROJECT_ROOT) / "src" / room,
                              fs::path(PROJECT_ROOT) / "include/dapr_mqtt" / room}) {
    if (!fs::exists(top)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(top)) {
      static const Rooms kinds = {".h", ".cpp", ".in"};
      if (kinds.contains(entry.path().extension())) out.push_back(entry.path());
    }
  }
  return out;
}

TEST(Rooms, include_only_what_the_graph_allows) {
  for (const auto& [room, allowed] : kMayInclude) {
    const auto sources = sources_of(room);
    EXPECT_FALSE(sources.empty()) << "no sources of " << room << " in " << PROJECT_ROOT;
    for (const fs::path& source : sources) {
      std::ifstream file(source);
      int number = 0;
      for (std::string line; std::getline(file, line);) {
        ++number;
        if (const auto why = objection(room, line)) {
          ADD_FAILURE() << source.string() << ":" << number << ": " << *why << ": " << line;
        }
      }
    }
  }
}

TEST(Rooms, are_all_in_the_graph) {
  for (const char* top : {"src", "include/dapr_mqtt"}) {
    for (const auto& entry : fs::directory_iterator(fs::path(PROJECT_ROOT) / top)) {
      if (!entry.is_directory()) continue;
      EXPECT_TRUE(kMayInclude.contains(entry.path().filename())) << entry.path();
    }
  }
}

TEST(Rooms, have_a_graph_without_circles) {
  // Each step takes away the rooms that include nothing that is left.
  std::map<std::string, Rooms> left = kMayInclude;
  while (!left.empty()) {
    const auto leaf = std::find_if(left.begin(), left.end(), [&](const auto& entry) {
      return std::none_of(entry.second.begin(), entry.second.end(),
                          [&](const std::string& other) { return left.contains(other); });
    });
    ASSERT_NE(leaf, left.end());
    left.erase(leaf);
  }
}

TEST(RoomCheck, objects_to_a_wrong_include_however_it_is_written) {
  const auto why = [](const char* room, const char* line) {
    return objection(room, line).value_or("");
  };
  EXPECT_THAT(why("core", "#include <grpcpp/grpcpp.h>"), HasSubstr("gRPC"));
  EXPECT_THAT(why("core", "  #  include \"grpcpp/grpcpp.h\"  // why"), HasSubstr("gRPC"));
  EXPECT_THAT(why("instance", "#include \"dapr/proto/components/v1/pubsub.pb.h\""),
              HasSubstr("protobuf"));
  EXPECT_THAT(why("dapr", "#include <mqtt/async_client.h>"), HasSubstr("Paho"));
  EXPECT_THAT(why("storage", "#include <MQTTAsync.h>"), HasSubstr("Paho"));
  EXPECT_THAT(why("mqtt", "#include <sqlite3.h>"), HasSubstr("SQLite"));
  EXPECT_THAT(why("publish", "#include <openssl/ssl.h>"), HasSubstr("OpenSSL"));
  EXPECT_THAT(why("mqtt", "#include \"dapr_mqtt/dapr/server.h\""), HasSubstr("mqtt may not"));
  EXPECT_THAT(why("app", "#include \"mqtt/reason_codes.h\""), HasSubstr("private"));
}

TEST(RoomCheck, lets_a_right_include_pass) {
  for (const auto& [room, line] : std::vector<std::pair<std::string, std::string>>{
           {"mqtt", "#include <mqtt/async_client.h>"},
           {"mqtt", "#include \"mqtt/reason_codes.h\""},
           {"mqtt", "#include \"dapr_mqtt/core/broker.h\""},
           {"dapr", "#include \"dapr/proto/components/v1/pubsub.grpc.pb.h\""},
           {"core", "#include <vector>"},
           {"core", "// #include <grpcpp/grpcpp.h>"}}) {
    EXPECT_EQ(objection(room, line), std::nullopt) << room << ": " << line;
  }
}

}  // namespace
