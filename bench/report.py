#!/usr/bin/env python3
"""Makes a report of what mqtt_bench wrote: report.py bench.json FOLDER

FOLDER/report.md has a table for each scenario: medians over the rounds, and each as a
ratio to the first peer's of the same round, where there is one. Beside it lies a picture
(SVG) of each figure that several scenarios share.
"""

import json
import statistics
import sys
from pathlib import Path

# Figure, its heading, its format.
COLUMNS = [
    ("rate", "messages/s", "{:,.0f}"),
    ("cpu", "CPU s/million", "{:.1f}"),
    ("p50", "p50 ms", "{:.3f}"),
    ("p99", "p99 ms", "{:.3f}"),
    ("max", "max ms", "{:.1f}"),
    ("peak", "peak MiB", "{:.0f}"),
    ("memory", "MiB", "{:.1f}"),
    ("wakeups", "wake-ups/s", "{:.1f}"),
]
PICTURES = [("rate", "messages/s"), ("cpu", "CPU seconds per million messages"), ("p99", "p99, ms")]


def is_floor(subject):
    return subject.startswith("floor")


def order(subject):
    """Ours first, the floors last."""
    return is_floor(subject), "peer" in subject.lower(), subject


def base_of(results):
    """The subject that ratios refer to: the first that is neither ours nor a floor."""
    for subject in results:
        if "peer" in subject.lower():
            return subject
    return None


def median(results, subject, figure):
    values = [run[figure] for run in results[subject] if figure in run]
    return statistics.median(values) if values else None


def ratio(results, subject, base, figure):
    """Median of the ratios within the rounds: what the machine did in between drops out."""
    pairs = [
        ours[figure] / theirs[figure]
        for ours, theirs in zip(results[subject], results[base])
        if ours.get(figure) and theirs.get(figure)
    ]
    return statistics.median(pairs) if pairs else None


def table(scenario):
    results = {name: runs for name, runs in scenario["results"].items() if runs}
    base = base_of(results)
    columns = [c for c in COLUMNS if any(median(results, s, c[0]) is not None for s in results)]
    lines = ["### " + scenario["title"], "", f"`{scenario['name']}`", ""]
    lines.append("| | " + " | ".join(heading for _, heading, _ in columns) + " |")
    lines.append("|---" + "|--:" * len(columns) + "|")
    for subject in sorted(results, key=order):
        cells = []
        for figure, _, form in columns:
            value = median(results, subject, figure)
            cell = "" if value is None else form.format(value)
            if value is not None and base and subject != base and not is_floor(subject):
                times = ratio(results, subject, base, figure)
                cell += f" ({times:.2f}×)" if times else ""
            cells.append(cell)
        lines.append(f"| {subject} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def summary(scenarios):
    """One line a scenario: ours beside the first peer, and beside the sum of the floors."""
    lines = [
        "| scenario | messages/s | CPU s/million | p50 | p99 | peak memory | CPU over the floors |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for scenario in scenarios:
        results = {name: runs for name, runs in scenario["results"].items() if runs}
        base = base_of(results)
        floors = [median(results, s, "cpu") for s in results if is_floor(s)]
        for subject in [s for s in results if s.startswith("ours")]:
            cells = []
            for figure, form in [("rate", "{:,.0f}"), ("cpu", "{:.1f}"), ("p50", "{:.2f} ms"),
                                 ("p99", "{:.2f} ms"), ("peak", "{:.0f} MiB")]:
                value = median(results, subject, figure)
                if value is None and figure == "peak":
                    value = median(results, subject, "memory")
                cell = "" if value is None else form.format(value)
                times = ratio(results, subject, base, figure) if base and cell else None
                cells.append(cell + (f" ({times:.2f}×)" if times else ""))
            cpu = median(results, subject, "cpu")
            over = f"{cpu / sum(floors):.2f}×" if cpu and len(floors) == 2 else ""
            cells.append(over)
            durable = ", durable" if "durable" in subject else ""
            lines.append(f"| {scenario['title']}{durable} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def picture(scenarios, figure, label, path):
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    shown = [s for s in scenarios if any(figure in r for runs in s["results"].values() for r in runs)]
    subjects = []
    for scenario in shown:
        subjects += [s for s in scenario["results"] if s not in subjects]
    subjects.sort(key=order)
    if not shown:
        return False
    height = 0.8 / len(subjects)
    figure_, axes = pyplot.subplots(figsize=(9, 1 + 0.18 * len(shown) * len(subjects)))
    for number, subject in enumerate(subjects):
        places, values = [], []
        for place, scenario in enumerate(shown):
            runs = scenario["results"].get(subject)
            value = median(scenario["results"], subject, figure) if runs else None
            if value is not None:
                places.append(place + number * height)
                values.append(value)
        axes.barh(places, values, height, label=subject)
    axes.set_yticks([p + 0.4 - height / 2 for p in range(len(shown))], [s["name"] for s in shown])
    axes.invert_yaxis()
    axes.margins(y=0.01)
    axes.set_xlabel(label + ", median")
    axes.legend()
    axes.grid(axis="x", alpha=0.3)
    figure_.tight_layout()
    figure_.savefig(path)
    pyplot.close(figure_)
    return True


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    scenarios = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    report = ["# Benchmarks", ""]
    for figure, label in PICTURES:
        name = f"{figure}.svg"
        if picture(scenarios, figure, label, folder / name):
            report += [f"![{label}]({name})", ""]
    report += ["Ours, and its ratio to the first peer:", "", summary(scenarios)]
    report += [table(scenario) for scenario in scenarios]
    (folder / "report.md").write_text("\n".join(report))
    print(folder / "report.md")


if __name__ == "__main__":
    main()
