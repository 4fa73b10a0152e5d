"""The gateway as a process under calls: WebRTC Opus <-> RTP PCMU with speech in both directions, every packet counted.

CPU is the gateway's own time over the middle of a row, so that other work on the machine hardly counts.
"""

import os
import pathlib
import sys
import tempfile

import gateways
import load
import one_core
import report

BEGIN = "<!-- bench, whole process: from here to the end mark, `make bench` writes -->\n"
END = "<!-- bench, whole process: end -->\n"
SPEECH = pathlib.Path(__file__).resolve().parents[2] / "gateway/assets/announcement.wav"
ONE_MEDIA_THREAD = "shards = 1"
# Name, calls, lines of [media], format of the recordings, options of the load tester.
ROWS = (
    ("transcoded-1", 1, "", None, []),
    ("transcoded-50", 50, "", None, []),
    ("transcoded-100", 100, "", None, []),
    ("transcoded-50-complexity-0", 50, "opus_complexity = 0", None, []),
    ("passed-through-50", 50, "", None, ["--codec", "pcmu", "--numbered"]),
    ("recorded-wav-50", 50, "", "wav", []),
    ("recorded-ogg-50", 50, "", "ogg", []),
)
NAMES = [name for name, *_ in ROWS]
TITLES = {
    "transcoded-1": "1 call", "transcoded-50": "50 calls", "transcoded-100": "100 calls",
    "transcoded-50-complexity-0": "50, complexity 0", "passed-through-50": "50 passed through (PCMU)",
}
RECORDED = {"transcoded-50": "none", "recorded-wav-50": "WAV", "recorded-ogg-50": "Ogg-Opus"}


def run(binaries, seconds, load_average):
    """The load tester's reports, by the rows' names."""
    reports = {}
    for at, name in enumerate(NAMES, 1):
        print(f"bench: row {at} of {len(NAMES)}: {name}", file=sys.stderr)
        reports[name] = measure(name, binaries, seconds)
        load_average.append(os.getloadavg()[0])
    return reports


def measure(name, binaries, seconds):
    """A gateway of its own for every row, so that memory is not inherited."""
    _, calls, media, record, options = next(row for row in ROWS if row[0] == name)
    with tempfile.TemporaryDirectory() as folder:
        lines = f"{ONE_MEDIA_THREAD}\n{media}"
        with gateways.Webtrunk(binaries, pathlib.Path(folder), lines, record) as running:
            return load.run(running, binaries, calls, seconds, ["--audio", str(SPEECH), *options])


def print_rows(names, folders, seconds, times):
    """CPU and memory of some rows, of builds in turn."""
    for name in names * times:
        figures = []
        for binaries in folders:
            row = measure(name, binaries, seconds)
            figures.append((cpu_ms(row), memory_kib(row)))
            print(f"{name}, {binaries}: {cpu_ms(row):.2f} ms a call-second, {memory_kib(row):.1f} KiB a call,"
                  f" {row['calls']['failed']} failed", flush=True)
        if len(figures) == 2:
            cpu, memory = (ours / theirs for ours, theirs in zip(*figures))
            print(f"{name}: CPU {cpu:.2f}, memory {memory:.2f} of the other")


def cpu_ms(row):
    return row["gateway"]["cpu_ms_per_call_second"]


def memory_kib(row):
    return row["gateway"]["rss_per_call_kib"]


def delays_ms(row, way):
    delay = row[way]["gateway_delay"]
    return (delay["p50_ms"], delay["p99_ms"]) if delay else None


def markdown(result):
    rows, loads, machine = result["rows"], result["load_average"], result["machine"]
    failed = [f"{row['calls']['failed']} of {name}" for name, row in rows.items() if row["calls"]["failed"]]
    lines = [
        f"Taken on {result['date']}: {machine['cores']} cores ({machine['cpu']}), Linux {machine['kernel']}. The load average of"
        f" the machine, this run's own included, was {min(loads):.1f} to {max(loads):.1f}. Calls that failed:"
        f" {', '.join(failed) or 'none'}.",
        "",
        *table(rows, TITLES, [
            ("CPU per call-second, both directions", lambda row: f"{cpu_ms(row):.2f} ms"),
            ("memory per call (growth of RSS)", lambda row: f"{memory_kib(row):.0f} KiB"),
            ("memory per idle WebSocket", lambda row: f"{row['gateway']['rss_per_connection_kib']:.0f} KiB"),
            ("packets lost in the gateway", lost),
            ("added delay to the phone, p50 / p99", lambda row: delays(row, "to_phone")),
            ("added delay to the caller, p50 / p99", lambda row: delays(row, "to_caller")),
        ]),
        "",
        *wishes(rows, result["floor_ms"]),
        "",
        "What a recording costs, with 50 calls:",
        "",
        *table(rows, RECORDED, [
            ("CPU per call-second", lambda row: with_ratio(cpu_ms(row), cpu_ms(rows["transcoded-50"]), "ms", 2)),
            ("memory per call", lambda row: with_ratio(memory_kib(row), memory_kib(rows["transcoded-50"]), "KiB", 0)),
        ]),
        "",
        *one_core.markdown(result["one_core"]),
    ]
    return "\n".join(lines) + "\n"


def table(rows, titles, figures):
    yield "| | " + " | ".join(titles.values()) + " |"
    yield "|---|" + "---|" * len(titles)
    for what, read in figures:
        yield f"| {what} | " + " | ".join(read(rows[name]) for name in titles) + " |"


def lost(row):
    sent = sum(row[way]["sent"] for way in report.WAYS)
    missing = sum(max(row[way]["lost"], 0) for way in report.WAYS)
    return f"{missing:,} of {sent:,}"


def delays(row, way):
    found = delays_ms(row, way)
    return f"{found[0]:.2f} / {found[1]:.2f} ms" if found else "not measured"


def with_ratio(value, base, unit, digits):
    shown = f"{value:.{digits}f} {unit}"
    return shown if value == base else f"{shown}: {value / base:.2f} of it"


def wishes(rows, floor_ms):
    """What is wished and what is there; the bare codecs are as the stages were measured last."""
    above = lambda name, complexity: (
        cpu_ms(rows[name]) - floor_ms[complexity] if complexity in floor_ms else None
    )
    worst = lambda share: max(found[share] for way in report.WAYS if (found := delays_ms(rows["transcoded-50"], way)))
    yield "| | wished | measured |"
    yield "|---|---|---|"
    for what, unit, wished, value in (
        ("CPU above the bare codecs, complexity 5, 50 calls", "ms", 0.8, above("transcoded-50", 5)),
        ("CPU above the bare codecs, complexity 5, 100 calls", "ms", 0.8, above("transcoded-100", 5)),
        ("CPU above the bare codecs, complexity 0, 50 calls", "ms", 0.6, above("transcoded-50-complexity-0", 0)),
        ("added delay, p50 at 50 calls", "ms", 0.5, worst(0)),
        ("added delay, p99 at 50 calls", "ms", 3, worst(1)),
        ("memory per transcoded call, at 100", "KiB", 120, memory_kib(rows["transcoded-100"])),
        ("memory per idle WebSocket, at 100", "KiB", 60, rows["transcoded-100"]["gateway"]["rss_per_connection_kib"]),
    ):
        digits = 0 if unit == "KiB" else 2
        shown = "not measured" if value is None else f"{value:.{digits}f} {unit}" + (": **missed**" if value > wished else "")
        yield f"| {what} | at most {wished} {unit} | {shown} |"
