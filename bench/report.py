#!/usr/bin/env python3
"""Makes a report of what mqtt_bench wrote: report.py bench.json FOLDER [SETUP]

FOLDER/report.md begins with the text of the file SETUP (what was measured, where and how). Then
comes a table for each scheduling group, and one for each scenario: medians over the rounds, and
each as a ratio to the first peer's of the same round, where there is one. Beside it lies a
picture (SVG) of each figure that several scenarios share, where matplotlib is installed.
"""

import json
import statistics
import sys
from pathlib import Path

# Figure, its heading, its format, whether a ratio says something.
COLUMNS = [
    ("rate", "messages/s", "{:,.0f}", True),
    ("cpu", "CPU µs/message", "{:.1f}", True),
    ("switches", "context switches/message", "{:.2f}", False),
    ("voluntary", "of these voluntary", "{:.2f}", False),
    ("calls", "system calls/message", "{:.2f}", False),
    ("p50", "p50 ms", "{:.3f}", True),
    ("p99", "p99 ms", "{:.3f}", True),
    ("max", "max ms", "{:.1f}", True),
    ("peak", "peak MiB", "{:.0f}", True),
    ("memory", "MiB", "{:.1f}", True),
    ("wakeups", "wake-ups/s", "{:.1f}", True),
]
THREAD = "switches of "  # a thread's name follows
SUMMARY = ["rate", "cpu", "switches", "voluntary", "calls", "p50", "p99"]
PICTURES = [("rate", "messages/s"), ("cpu", "CPU µs per message"), ("p99", "p99, ms")]
GROUPS = [
    ("own", "The subject in a scheduling group of its own, as in a container or a unit"),
    ("shared", "The subject in the scheduling group of broker and load"),
]


def is_floor(subject):
    return subject.startswith("floor")


def order(subject):
    """Ours first, the floors last."""
    return is_floor(subject), "peer" in subject.lower(), not subject.startswith("ours"), subject


def base_of(results):
    """The subject that ratios refer to: the first that is neither ours nor a floor."""
    for subject in results:
        if "peer" in subject.lower() and any(results[subject]):
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


def rows(scenario, columns):
    """A row of cells for each subject; "failed" where no round of it gave anything."""
    results = scenario["results"]
    base = base_of(results)
    out = []
    for subject in sorted(results, key=order):
        if not any(results[subject]):
            out.append([subject, "failed"] + [""] * (len(columns) - 1))
            continue
        cells = [subject]
        for figure, _, form, compared in columns:
            value = median(results, subject, figure)
            cell = "" if value is None else form.format(value)
            if cell and compared and base and subject != base and not is_floor(subject):
                times = ratio(results, subject, base, figure)
                cell += f" ({times:.2f}×)" if times else ""
            cells.append(cell)
        out.append(cells)
    return out


def present(columns, scenarios):
    """Without the columns that nobody has a figure for."""
    runs = [run for s in scenarios for runs in s["results"].values() for run in runs]
    return [column for column in columns if any(column[0] in run for run in runs)]


def lines_of(head, columns, body):
    lines = ["| " + " | ".join(head + [c[1] for c in columns]) + " |"]
    lines.append("|" + "---|" * len(head) + "--:|" * len(columns))
    return lines + ["| " + " | ".join(cells) + " |" for cells in body]


def table(scenario):
    columns = present(COLUMNS, [scenario])
    lines = [f"### {scenario['title']}", ""]
    lines += [f"`{scenario['name']}`, scheduling group: {scenario['group']}", ""]
    lines += lines_of([""], columns, rows(scenario, columns)) + [""]
    return "\n".join(lines + [text + "\n" for text in threads(scenario)])


def threads(scenario):
    """A line for each subject whose threads have names: which of them switch."""
    out = []
    for subject, runs in sorted(scenario["results"].items(), key=lambda item: order(item[0])):
        figures = sorted({name for run in runs for name in run if name.startswith(THREAD)})
        medians = [(median(scenario["results"], subject, name), name) for name in figures]
        texts = [f"{name.removeprefix(THREAD)} {value:.2f}"
                 for value, name in sorted(medians, reverse=True) if value >= 0.005]
        if texts:
            out.append(f"Context switches a message, {subject}: " + ", ".join(texts) + ".")
    return out


def summary(scenarios, group):
    """One line for each scenario and subject of a scheduling group; none: an empty text."""
    wanted = [s for s in scenarios if s["group"] == group]
    columns = present([c for c in COLUMNS if c[0] in SUMMARY], wanted)
    body = []
    for scenario in wanted:
        if not present(columns, [scenario]):
            continue
        subjects = [cells for cells in rows(scenario, columns) if not is_floor(cells[0])]
        titles = [scenario["title"]] + [""] * len(subjects)
        body += [[title] + cells for title, cells in zip(titles, subjects)]
    if not body or not columns:
        return ""
    return "\n".join(lines_of(["", ""], columns, body)) + "\n"


def over_the_floors(scenarios):
    """Our CPU time over the sum of what the two libraries take alone."""
    body = []
    for scenario in scenarios:
        results = scenario["results"]
        floors = [f for f in (median(results, s, "cpu") for s in results if is_floor(s)) if f]
        for subject in [s for s in sorted(results, key=order) if s.startswith("ours")]:
            cpu = median(results, subject, "cpu")
            if cpu and len(floors) == 2:
                name = f"{scenario['title']}: {subject}, {scenario['group']}"
                body.append([name, f"{cpu / sum(floors):.2f}×"])
    if not body:
        return ""
    return "\n".join(["| | CPU over the floors |", "|---|--:|"]
                     + ["| " + " | ".join(cells) + " |" for cells in body]) + "\n"


def picture(scenarios, figure, label, path):
    try:
        import matplotlib
    except ImportError:
        return False
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
    axes.set_yticks([p + 0.4 - height / 2 for p in range(len(shown))],
                    [f"{s['name']}, {s['group']}" for s in shown])
    axes.invert_yaxis()
    axes.margins(y=0.01)
    axes.set_xlabel(label + ", median")
    axes.legend()
    axes.grid(axis="x", alpha=0.3)
    figure_.tight_layout()
    figure_.savefig(path)
    pyplot.close(figure_)
    return True


def report(whole, setup, pictures):
    """The text; `pictures` are names and labels of what lies beside it."""
    scenarios = whole["scenarios"]
    base = next((b for b in (base_of(s["results"]) for s in scenarios) if b), None)
    lines = ["# Benchmarks", ""]
    lines += [setup.strip(), ""] if setup.strip() else []
    lines += [f"**{note}**\n" for note in whole["notes"]]
    lines += [f"Medians of {whole['rounds']} interleaved rounds; in brackets the ratio to "
              f"{base}, the median of the rounds' own. System calls are counted in a shorter "
              "run of its own, behind the last round's." if base else
              f"Medians of {whole['rounds']} interleaved rounds.", ""]
    for group, title in GROUPS:
        text = summary(scenarios, group)
        lines += [f"## {title}", "", text] if text else []
    floors = over_the_floors(scenarios)
    lines += ["## Above gRPC and Paho alone", "", floors] if floors else []
    lines += [f"![{label}]({name})\n" for name, label in pictures]
    lines += ["## Each scenario", ""] + [table(s) for s in scenarios if present(COLUMNS, [s])]
    return "\n".join(lines)


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    whole = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    setup = Path(sys.argv[3]).read_text() if len(sys.argv) == 4 else ""
    pictures = [(f"{figure}.svg", label) for figure, label in PICTURES
                if picture(whole["scenarios"], figure, label, folder / f"{figure}.svg")]
    (folder / "report.md").write_text(report(whole, setup, pictures))
    print(folder / "report.md")


if __name__ == "__main__":
    main()
