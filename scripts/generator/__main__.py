"""What the load tester itself needs: CPU of a caller over WebRTC and of one over plain SIP, beside sipp's and beside a headless
Chromium for each call, and how late it is with 100, 300 and 500 callers at one time. Written into docs/PERFORMANCE.md.

Run by `make generator`, which takes some ten minutes. All of them call an echo of Webtrunk with PCMU, which decodes nothing; that has
the first core to itself, and whoever calls the second.
"""

import argparse
import datetime
import json
import os
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The gateway as a process is that of `make compare`, and so is sipp.
sys.path.append(str(ROOT / "scripts/compare"))

import machine
import report

import callers
import chromium
import echo
import sipp

BEGIN = "<!-- generator: from here to the end mark, `make generator` writes -->\n"
END = "<!-- generator: end -->\n"
SPEECH = ROOT / "gateway/assets/announcement.wav"
CALLS = (100, 300, 500)
KINDS = {"webrtc": "WebRTC", "phone": "plain SIP"}


def main():
    parser = argparse.ArgumentParser(prog="scripts/generator", description=__doc__.split("\n\n")[0])
    parser.add_argument("--binaries", type=pathlib.Path, default=ROOT / "target/release", metavar="FOLDER")
    parser.add_argument("--json", type=pathlib.Path, default=ROOT / "target/generator.json", metavar="FILE")
    parser.add_argument("--calls", type=int, nargs="+", default=CALLS, help="at one time (default: 100 300 500)")
    parser.add_argument("--only", choices=(*KINDS, "sipp", "chromium"), help="print one row; the section stays")
    arguments = parser.parse_args()
    if os.cpu_count() < 2:
        sys.exit("generator: whoever calls needs a core of its own; take a machine with two or more")

    result = {
        "date": datetime.date.today().isoformat(), "machine": machine.read(), "load_average": [os.getloadavg()[0]],
        "calls": arguments.calls,
    }
    wanted = lambda name: arguments.only in (None, name)
    for kind in filter(wanted, KINDS):
        result[kind] = rows(arguments, result, kind, callers.measure)
    if wanted("sipp"):
        result["sipp"] = rows(arguments, result, "sipp", sipp.measure)
    if wanted("chromium"):
        result["chromium"] = chromium.measure(arguments.binaries, SPEECH)
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    if arguments.only:
        return print(json.dumps(result[arguments.only], indent=1))
    text = markdown(result)
    report.replace_section(ROOT / "docs/PERFORMANCE.md", text, BEGIN, END)
    print(text)


def rows(arguments, result, name, measure):
    """What is measured, by the number of calls; on a gateway of its own each."""
    measured = {}
    for calls in arguments.calls:
        print(f"generator: {name}, {calls} calls", file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            with echo.Webtrunk(arguments.binaries, folder) as running:
                measured[calls] = measure(running, arguments.binaries, folder, name, calls)
        result["load_average"].append(os.getloadavg()[0])
    return measured


def markdown(result):
    machine, loads, calls = result["machine"], result["load_average"], result["calls"]
    lines = [
        f"Taken on {result['date']}: {machine['cores']} cores ({machine['cpu']}), Linux {machine['kernel']}. The load average of the"
        f" machine, this run's own included, was {min(loads):.1f} to {max(loads):.1f}.",
        "",
        "| calls at one time | " + " | ".join(f"{count}" for count in calls) + " |",
        "|---|" + "---|" * len(calls),
    ]
    line = lambda what, shown: lines.append(f"| {what} | " + " | ".join(map(shown, calls)) + " |")
    for kind, title in KINDS.items():
        of = result[kind]
        line(f"{title}: CPU of a caller, a call-second", lambda it: f"{of[it]['cpu_ms_per_call_second']:.2f} ms")
        line(f"{title}: share of its core", lambda it: f"{of[it]['core_percent']:.0f} %")
        line(f"{title}: the whole run, connecting and listening included, a call-second",
             lambda it: f"{of[it]['whole_ms_per_call_second']:.2f} ms")
        line(f"{title}: packets sent later than 20 ms / one in a hundred later than",
             lambda it: f"{of[it]['late_percent']:.2f} % / {of[it]['late_p99_ms']:.1f} ms")
        line(f"{title}: calls that failed / that are good", lambda it: f"{of[it]['failed']} / {of[it]['ok']}")
        line(f"{title}: the gateway's share of its core", lambda it: f"{of[it]['target_percent']:.0f} %")
    line("sipp: CPU of a call, a call-second", lambda it: f"{result['sipp'][it]['cpu_ms_per_call_second']:.2f} ms")
    line("sipp: calls that failed", lambda it: f"{result['sipp'][it]['failed']}")
    lines += ["", f"One headless Chromium with one call: {result['chromium']['cpu_ms_per_call_second']:.0f} ms a call-second."]
    fit = [count for count in calls if result["webrtc"][count]["is_fit"]]
    if fit:
        lines += ["", f"On time with up to {max(fit)} WebRTC callers on one core: it may judge the target then."]
    return "\n".join(lines) + "\n"


main()
