"""How many transcoded calls one core carries: the gateway has the first core to itself, the load tester the second."""

import os
import pathlib
import sys
import tempfile

import gateways
import load
import report

CALLS = (100, 150, 200, 250)
# Of each call and way: what is on its way when it begins or ends.
MISSING_MAX = 3
OWN_CORE, OTHER_CORE = (["taskset", "--cpu-list", core] for core in "01")


class Webtrunk(gateways.Webtrunk):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.command = [*OWN_CORE, *self.command]


def run(binaries, seconds, load_average, speech):
    """The load tester's reports, by the number of calls."""
    reports = {}
    for calls in CALLS:
        print(f"bench: one core, {calls} calls", file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder, Webtrunk(binaries, pathlib.Path(folder)) as running:
            reports[calls] = load.run(running, binaries, calls, seconds, ["--audio", str(speech)], OTHER_CORE)
        load_average.append(os.getloadavg()[0])
    return reports


def markdown(reports):
    yield "On one core, with the load tester on the other; at least 200 calls are wished:"
    yield ""
    yield "| calls | failed | packets missing, to the phone / to the caller | added delay, p50 / p99 | the gateway's share of its core | the load tester's |"
    yield "|---|---|---|---|---|---|"
    for calls, row in reports.items():
        missing = " / ".join(f"{report.missing_percent(row[way]):.2f} %" for way in report.WAYS)
        delays = [row[way]["gateway_delay"] for way in report.WAYS if row[way]["gateway_delay"]]
        delay = " / ".join(f"{max(it[share] for it in delays):.2f}" for share in ("p50_ms", "p99_ms")) if delays else "?"
        share, own = (
            f"{it * (calls - row['calls']['failed']) / 10:.0f} %"
            for it in (row["gateway"]["cpu_ms_per_call_second"], row["own_cpu_ms_per_call_second"])
        )
        yield f"| {calls} | {row['calls']['failed']} | {missing} | {delay} ms | {share} | {own} |"
    yield ""
    carried = [calls for calls, row in reports.items() if is_whole(row)]
    yield (
        f"Every packet was delivered of up to {max(carried, default=0)} calls: no gap in sequence numbers, and at most"
        f" {MISSING_MAX} packets of a call and way missing, which were under way when it began or ended."
    )


def is_whole(row):
    ways = [row[way] for way in report.WAYS]
    missing = max(way["sent"] - way["received"] for way in ways)
    no_gap = not any(way["lost"] for way in ways)
    return not row["calls"]["failed"] and no_gap and missing <= MISSING_MAX * row["calls"]["attempted"]
