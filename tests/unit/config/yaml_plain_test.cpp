// The text that daprd passes on for scalars without quotes. The right column was printed by
// sigs.k8s.io/yaml 1.4 and Dapr 1.18's DynamicValue.
#include "config/yaml_plain.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace dapr_mqtt::config {
namespace {

TEST(YamlPlain, Becomes_what_daprd_hands_on) {
  const std::vector<std::pair<const char*, const char*>> all = {
      {"5.0", "5"},
      {"10_000", "10000"},
      {"0123", "83"},
      {"089", "89"},
      {"1e3", "1000"},
      {"1e+3", "1000"},
      {"1.5e+2", "150"},
      {"0x10", "16"},
      {"0X1F", "31"},
      {"0b11", "3"},
      {"0o17", "15"},
      {"-0x10", "-16"},
      {"+5", "5"},
      {"+5.5", "5.5"},
      {"yes", "true"},
      {"Yes", "true"},
      {"YES", "true"},
      {"yEs", "yEs"},
      {"on", "true"},
      {"off", "false"},
      {"y", "true"},
      {"Y", "true"},
      {"n", "false"},
      {"No", "false"},
      {"TRUE", "true"},
      {"nULL", "nULL"},
      {"1_0.5", "10.5"},
      {".5", "0.5"},
      {"5.", "5"},
      {"1_", "1"},
      {"_1", "_1"},
      {"1__0", "10"},
      {"2020-01-01", "2020-01-01"},
      {"12:30", "12:30"},
      {"1e21", "1e+21"},
      {"123456789012345678901", "123456789012345680000"},
      {"18446744073709551615", "18446744073709551615"},
      {"-1", "-1"},
      {"-.5", "-0.5"},
      {"0", "0"},
      {"00", "0"},
      {"-0", "0"},
      {"1.10", "1.1"},
      {"1.23456789012345678", "1.2345678901234567"},
      {"0.1e-7", "1e-8"},
      {"100000000000000000000.5", "100000000000000000000"},
      {"<<", "<<"},
      {"0x", "0x"},
      {"0_8", "8"},
      {"1,000", "1,000"},
      {"-0.0", "-0"},
      {"1e-7", "1e-7"},
      {"1000000.0", "1000000"},
      {"1.5E+10", "15000000000"},
      {"tcp://h", "tcp://h"},
      {"5s", "5s"},
      {"64Mi", "64Mi"},
      {"-", "-"},
      {".", "."},
      {"+", "+"},
      {"1e", "1e"}};
  for (const auto& [written, sent] : all) EXPECT_EQ(yaml_plain_as_json(written), sent) << written;
  for (const char* null : {"", "~", "null", "Null", "NULL"}) {
    EXPECT_EQ(yaml_plain_as_json(null), std::nullopt) << null;
  }
}

}  // namespace
}  // namespace dapr_mqtt::config
