#include "instance/intake_gate.h"

#include <gtest/gtest.h>

namespace dapr_mqtt::instance {
namespace {

TEST(IntakeGate, opens_when_the_last_reason_has_gone) {
  IntakeGate gate;
  EXPECT_FALSE(gate.open(IntakeGate::kInboxFull)) << "was not shut";
  EXPECT_TRUE(gate.shut(IntakeGate::kInboxFull));
  EXPECT_FALSE(gate.shut(IntakeGate::kDraining));
  EXPECT_FALSE(gate.shut(IntakeGate::kDraining));
  EXPECT_FALSE(gate.open(IntakeGate::kInboxFull));
  EXPECT_TRUE(gate.open(IntakeGate::kDraining));
  EXPECT_TRUE(gate.shut(IntakeGate::kInboxFull));
}

}  // namespace
}  // namespace dapr_mqtt::instance
