"""Tests of bench/report.py, which makes tables of what mqtt_bench wrote."""

import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
import report  # noqa: E402


def scenario(results, group="own", title="Pull"):
    return {"name": "live-qos1", "title": title, "group": group, "results": results}


def whole(*scenarios, notes=()):
    return {"notes": list(notes), "rounds": 3, "scenarios": list(scenarios)}


OURS = [{"rate": 110, "switches": 2}, {"rate": 300, "switches": 1}, {"rate": 90, "switches": 4}]
PEER = [{"rate": 100, "switches": 0.5}, {"rate": 200, "switches": 0.25}, {"rate": 60, "switches": 1}]


class Report(unittest.TestCase):
    def test_ratio_is_the_median_of_the_rounds_own(self):
        results = {"ours": OURS, "SDK peer": PEER}
        self.assertEqual(report.median(results, "ours", "rate"), 110)
        self.assertEqual(report.ratio(results, "ours", "SDK peer", "rate"), 1.5)

    def test_round_that_failed_is_left_out_on_both_sides(self):
        results = {"ours": [OURS[0], {}, OURS[2]], "SDK peer": PEER}
        self.assertEqual(report.median(results, "ours", "rate"), 100)
        self.assertAlmostEqual(report.ratio(results, "ours", "SDK peer", "rate"), 1.3)

    def test_summary_has_a_row_for_each_subject_of_the_group(self):
        scenarios = [scenario({"ours": OURS, "SDK peer": PEER}),
                     scenario({"ours": PEER}, group="shared")]
        own = report.summary(scenarios, "own").splitlines()
        self.assertEqual(own[0], "|  |  | messages/s | context switches/message |")
        self.assertEqual(own[2:], ["| Pull | ours | 110 (1.50×) | 2.00 |",
                                   "|  | SDK peer | 100 | 0.50 |"])
        self.assertIn("| ours | 100 | 0.50 |", report.summary(scenarios, "shared"))

    def test_summary_of_a_group_without_runs_is_empty(self):
        self.assertEqual(report.summary([scenario({"ours": OURS})], "shared"), "")
        self.assertEqual(report.summary([scenario({"ours": [{"peak": 1}]})], "own"), "")

    def test_summary_leaves_out_what_has_none_of_its_figures(self):
        scenarios = [scenario({"ours": OURS}), scenario({"ours": [{"peak": 1}]}, title="Idle")]
        self.assertNotIn("Idle", report.summary(scenarios, "own"))

    def test_threads_are_named_with_the_busiest_first(self):
        run = {"switches": 3.0, "switches of grpc-calls": 1, "switches of mqtt-deliver": 2,
               "switches of main": 0}
        text = report.table(scenario({"ours": [run], "SDK peer": PEER}))
        self.assertIn("Context switches a message, ours: mqtt-deliver 2.00, grpc-calls 1.00.", text)
        self.assertNotIn("message, SDK peer:", text)

    def test_subject_that_failed_in_all_rounds_is_said_to_have_failed(self):
        scenarios = [scenario({"ours": OURS, "SDK peer": [{}, {}, {}], "plain peer": PEER})]
        text = report.summary(scenarios, "own")
        self.assertIn("| SDK peer | failed |", text)
        self.assertIn("110 (1.50×)", text)  # to the next peer, which has figures

    def test_order_has_ours_first_and_floors_last(self):
        names = ["floor: gRPC alone", "SDK peer", "before", "ours, persistent", "ours"]
        self.assertEqual(sorted(names, key=report.order),
                         ["ours", "ours, persistent", "before", "SDK peer", "floor: gRPC alone"])

    def test_floors_are_summed_and_in_no_summary(self):
        results = {"ours": [{"cpu": 30}], "floor: gRPC alone": [{"cpu": 5}],
                   "floor: Paho alone": [{"cpu": 10}]}
        self.assertIn("| Pull: ours, own | 2.00× |", report.over_the_floors([scenario(results)]))
        self.assertNotIn("floor", report.summary([scenario(results)], "own"))

    def test_report_begins_with_the_setup_and_what_could_not_be_had(self):
        text = report.report(whole(scenario({"ours": OURS}), notes=["No system calls."]),
                             "`scripts/bench`, 2026-11-30", [("rate.svg", "messages/s")])
        self.assertLess(text.index("2026-11-30"), text.index("**No system calls.**"))
        self.assertLess(text.index("**No system calls.**"), text.index("## The subject in a"))
        self.assertIn("![messages/s](rate.svg)", text)
        self.assertIn("### Pull", text)

    def test_report_of_nothing_is_a_report(self):
        self.assertIn("# Benchmarks", report.report(whole(), "", []))


if __name__ == "__main__":
    unittest.main()
