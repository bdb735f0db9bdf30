#include "mqtt/inbound_store.h"

#include <MQTTAsync.h>
#include <gtest/gtest.h>

#include <string>

#include "mqtt/memory_packets.h"
#include "mqtt/paho_library.h"
#include "mqtt/persistence_glue.h"

namespace dapr_mqtt::mqtt {
namespace {

/// string_view is another type in each version of paho.mqtt.cpp.
::mqtt::string_view view(const std::string& text) { return {text.data(), text.size()}; }

TEST(InboundStore, Received_publish_is_kept_until_removed) {
  MemoryPackets packets;
  InboundStore store(packets);
  const std::string head = "head";
  const std::string body = "body";
  store.put("r-7", {view(head), view(body)});
  EXPECT_TRUE(store.contains_key("r-7"));
  EXPECT_EQ(store.get("r-7"), "headbody");
  EXPECT_EQ(store.keys().size(), 1U);
  store.remove("r-7");
  EXPECT_FALSE(store.contains_key("r-7"));
}

TEST(InboundStore, Message_of_MQTT_5_leaves_a_mark_that_the_library_can_read) {
  MemoryPackets packets;
  InboundStore store(packets);
  const std::string packet = "any";
  store.put("r5-258", {view(packet)});
  EXPECT_TRUE(store.contains_key("r5-258"));
  EXPECT_FALSE(store.contains_key("r-258"));
  // A PUBLISH of QoS 2: topic "t", packet identifier 258, no properties, no payload.
  EXPECT_EQ(store.get("r5-258"), std::string("\x34\x06\0\x01t\x01\x02\0", 8));
  store.remove("r-258");  // the library asks for both names
  EXPECT_TRUE(store.contains_key("r5-258"));
  store.remove("r5-258");
  EXPECT_EQ(store.keys().size(), 0U);
}

TEST(InboundStore, Names_of_others_are_left_alone) {
  MemoryPackets packets;
  InboundStore store(packets);
  const std::string body = "x";
  for (const char* key : {"r-", "r-0", "r-x", "r-70000", "r-1x", "r5-", ""}) {
    store.put(key, {view(body)});
    EXPECT_FALSE(store.contains_key(key)) << key;
    store.remove(key);
  }
  EXPECT_TRUE(packets.entries().empty());
}

TEST(InboundStore, Commands_and_outgoing_messages_are_not_kept) {
  MemoryPackets packets;
  InboundStore store(packets);
  const std::string body = "x";
  for (const char* key : {"s-1", "sc-1", "c-1", "q-1", "s5-1", "c5-1"})
    store.put(key, {view(body)});
  EXPECT_EQ(store.keys().size(), 0U);
}

/// What the C library has of a store.
struct Library {
  explicit Library(core::PacketStore& packets) : store(packets) {
    PahoLibrary::instance();  // its heap
    EXPECT_EQ(table.popen(&handle, "client", "uri", table.context), 0);
  }
  InboundStore store;
  int failures = 0;
  Persistence persistence{store, [this](bool taken) { failures += taken ? 0 : 1; }};
  MQTTClient_persistence table = persistence_for(persistence);
  void* handle = nullptr;
};

TEST(InboundStore, Library_sees_it_through_its_table_of_functions) {
  MemoryPackets packets;
  const Library library(packets);
  const MQTTClient_persistence& table = library.table;
  void* const handle = library.handle;
  char key[] = "r-1";
  char part[] = {'a', '\0', 'b'};
  char* parts[] = {part};
  int sizes[] = {3};
  ASSERT_EQ(table.pput(handle, key, 1, parts, sizes), 0);
  char** keys = nullptr;
  int count = 0;
  ASSERT_EQ(table.pkeys(handle, &keys, &count), 0);
  ASSERT_EQ(count, 1);
  EXPECT_STREQ(keys[0], "r-1");
  char* buffer = nullptr;
  int size = 0;
  ASSERT_EQ(table.pget(handle, key, &buffer, &size), 0);
  char* const first = buffer;
  EXPECT_EQ(std::string(buffer, static_cast<std::size_t>(size)), std::string("a\0b", 3));
  EXPECT_EQ(table.pcontainskey(handle, key), 0);
  EXPECT_EQ(table.premove(handle, key), 0);
  EXPECT_NE(table.pcontainskey(handle, key), 0);
  EXPECT_NE(table.pget(handle, key, &buffer, &size), 0) << "an exception stops at the border";
  EXPECT_EQ(table.pclear(handle), 0);
  EXPECT_EQ(table.pclose(handle), 0);
  EXPECT_EQ(library.failures, 0) << "no change failed";
  MQTTAsync_free(keys[0]);
  MQTTAsync_free(keys);
  MQTTAsync_free(first);
}

/// A disk that takes nothing.
class FailingPackets final : public core::PacketStore {
 public:
  base::Status put_body(Id, std::string) override { return base::unavailable("disk full"); }
  void put_mark(Id) override {}
  base::Status remove(Id) override { return base::unavailable("disk full"); }
  base::Status clear() override { return base::unavailable("disk full"); }
  std::vector<Entry> entries() const override { return {{1, false}}; }
  std::optional<Entry> find(Id id) const override { return Entry{id, false}; }
  std::optional<std::string> body(Id) const override { return std::nullopt; }
};

TEST(InboundStore, Change_that_the_disk_does_not_take_is_told) {
  FailingPackets packets;
  const Library library(packets);
  const MQTTClient_persistence& table = library.table;
  void* const handle = library.handle;
  char key[] = "r-1";
  char part[] = "x";
  char* parts[] = {part};
  int sizes[] = {1};
  EXPECT_NE(table.pput(handle, key, 1, parts, sizes), 0);
  EXPECT_EQ(library.failures, 1);
  EXPECT_NE(table.premove(handle, key), 0);
  EXPECT_EQ(library.failures, 2);
  EXPECT_NE(table.pclear(handle), 0);
  EXPECT_EQ(library.failures, 3);
}

}  // namespace
}  // namespace dapr_mqtt::mqtt
