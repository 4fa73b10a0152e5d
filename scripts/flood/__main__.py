"""What a flood of strangers does to those who have business here, beside Kamailio; and what happens when more calls come
than may begin. Everything is on loopback and bounded in calls and time.

1,500 junk REGISTERs and 2,000 junk INVITEs a second, from one address and from 500 of them: what share of registrations
and calls comes through, how long they take, and what the server uses, of one core. Then calls at two, five and ten times
`max_cps = 100`, of Webtrunk alone, beside a call that is up.

Run by `make flood`. Needs Kamailio and sipp (`scripts/setup compare`) and the release binaries.
"""

import argparse
import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "compare"))

import calls
import dialling
import machine
import offered
import report
import sip_servers

JUNK = ("1500", "2000")
# Name, and from how many addresses.
FLOODS = (("no flood", 0), ("from one address", 1), ("from 500 addresses", 500))
REGISTRATIONS, CALLS_A_SECOND = "50", 20
MAX_CPS = 100
BEGIN = "<!-- flood: from here to the end mark, `make flood` writes -->\n"
END = "<!-- flood: end -->\n"


class Kamailio(sip_servers.Kamailio):
    def __init__(self, binaries, folder):
        super().__init__(binaries, folder)
        (folder / "kamailio.cfg").write_text((HERE / "kamailio.cfg").read_text())
        self.command = pinned(self.command)


class Webtrunk(sip_servers.Webtrunk):
    more = ""

    def __init__(self, binaries, folder):
        super().__init__(binaries, folder)
        config = folder / "webtrunk.toml"
        config.write_text(config.read_text().replace("[media]", f"{self.more}[media]\nshards = 1"))
        self.command = pinned(self.command)


class Limited(Webtrunk):
    more = f"[defence]\nmax_cps = {MAX_CPS}\n"


def pinned(command):
    """The server has a core of its own, the load the other."""
    return ["taskset", "-c", "0", *command]


def flooded(server, binaries, addresses, seconds):
    """Registrations and calls beside a flood."""
    with tempfile.TemporaryDirectory() as folder, server(binaries, pathlib.Path(folder)) as running:
        # What the process takes for the first of them, it does not take for the flood.
        python("phones.py", REGISTRATIONS, "2").communicate()
        memory, cpu = running.memory_kib(), running.cpu_s()
        junk = python("junk.py", *JUNK, str(seconds), str(addresses)) if addresses else None
        phones = python("phones.py", REGISTRATIONS, str(seconds))
        delays, failed = probes(seconds)
        memory_after, used = running.memory_kib(), running.cpu_s() - cpu
        registered = phones.communicate()[0].split()
        sent, answers = junk.communicate()[0].split() if junk else ("0", "0")
    took = [float(word) for word in registered if word != "-"]
    return {
        "junk": int(sent), "junk_answers": int(answers),
        "registrations": len(registered), "registered_percent": percent(len(took), len(registered)),
        "register_p50_ms": offered.share(took, 50), "register_p99_ms": offered.share(took, 99),
        "calls": len(delays) + failed, "called_percent": percent(len(delays), len(delays) + failed),
        "ring_p50_ms": offered.share(delays, 50), "ring_p99_ms": offered.share(delays, 99),
        "cpu_percent": 100 * used / seconds, "memory_kib": memory_after, "memory_growth_kib": memory_after - memory,
    }


def probes(seconds):
    """Calls of the office, one after the other, at a rate; how long each took to ring, and how many did not."""
    delays, failed = [], 0
    with dialling.bound(sip_servers.CALLER, dialling.CALLER_PORT) as caller:
        with dialling.bound(sip_servers.CALLEE, sip_servers.CALLEE_PORT) as callee:
            for number in range(CALLS_A_SECOND * seconds):
                threading.Event().wait(1 / CALLS_A_SECOND)
                if len(delays) + failed >= number and failed > 5:
                    break
                try:
                    delays.append(dialling.probe(caller, callee, number))
                except TimeoutError:
                    failed += 1
    return delays, failed


def percent(part, whole):
    return 100 * part / max(whole, 1)


def python(script, *arguments):
    command = ["taskset", "-c", "1", sys.executable, str(HERE / script), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def overloaded(binaries, seconds):
    """Calls at multiples of what may begin, beside one that is up."""
    rows = {}
    with tempfile.TemporaryDirectory() as folder, Limited(binaries, pathlib.Path(folder)) as running:
        with calls.Callee(folder, echoes=True), offered.Canary() as canary:
            threading.Event().wait(3)
            rows["before"] = {"canary": canary.take()}
            for number, factor in enumerate((1, 2, 5, 10)):
                cpu = running.cpu_s()
                row = offered.Caller(18740 + number).offer(factor * MAX_CPS, seconds)
                row["cpu_percent"] = 100 * (running.cpu_s() - cpu) / seconds
                row["canary"] = canary.take()
                rows[f"{factor}x"] = row
                # The second's calls are there again for the next.
                threading.Event().wait(2)
                canary.take()
    return rows


def main():
    parser = argparse.ArgumentParser(prog="scripts/flood", description=__doc__.split("\n\n")[0])
    parser.add_argument("--binaries", type=pathlib.Path, default=ROOT / "target/release", metavar="FOLDER")
    parser.add_argument("--json", type=pathlib.Path, default=ROOT / "target/flood.json", metavar="FILE")
    parser.add_argument("--seconds", type=int, default=15, help="for each row (default: 15)")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {1 % os.cpu_count()})
    result = {
        "date": datetime.date.today().isoformat(),
        "machine": machine.read(),
        "versions": {it.name: it.version(arguments.binaries) for it in (Kamailio, Webtrunk)},
        "floods": {},
    }
    for name, addresses in FLOODS:
        for server in (Kamailio, Webtrunk):
            print(f"flood: {name}, {server.name}", file=sys.stderr)
            found = flooded(server, arguments.binaries, addresses, arguments.seconds)
            result["floods"].setdefault(name, {})[server.name] = found
    print("flood: overload, Webtrunk", file=sys.stderr)
    result["overload"] = overloaded(arguments.binaries, arguments.seconds)
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    text = markdown(result)
    report.replace_section(ROOT / "docs/PERFORMANCE.md", text, BEGIN, END)
    print(text)


def markdown(result):
    box = result["machine"]
    lines = [
        f"Taken on {result['date']}: {box['cores']} cores ({box['cpu']}), of which the server had one, Linux {box['kernel']},"
        f" Kamailio {result['versions']['Kamailio']} with pike, Webtrunk {result['versions']['Webtrunk']} as it comes. Beside"
        f" {REGISTRATIONS} registrations of users and {CALLS_A_SECOND} calls of a trunk a second, {int(JUNK[0]):,} junk REGISTERs"
        f" and {int(JUNK[1]):,} junk INVITEs a second.",
        "",
        "| | | registrations that came through, p50, p99 | calls that rang, added p50, p99 | CPU, of one core | memory, growth | junk that was answered |",
        "|---|---|---|---|---|---|---|",
    ]
    for flood, servers in result["floods"].items():
        for name, row in servers.items():
            answered = f"{percent(row['junk_answers'], row['junk']):.1f} %" if row["junk"] else ""
            lines.append(
                f"| {flood} | {name} | {row['registered_percent']:.2f} %, {ms(row['register_p50_ms'])}, {ms(row['register_p99_ms'])}"
                f" | {row['called_percent']:.2f} %, {ms(row['ring_p50_ms'])}, {ms(row['ring_p99_ms'])} | {row['cpu_percent']:.0f} %"
                f" | {row['memory_kib'] / 1024:.1f} MiB, {row['memory_growth_kib']:+,} KiB | {answered} |"
            )
    lines += [
        "",
        f"Calls offered at multiples of `max_cps = {MAX_CPS}`, each hung up when it is answered, beside a call that is up and"
        " whose packets come back from its callee:",
        "",
        "| offered | begun a second | refused with 503, p50, p99 | neither | Retry-After | CPU, of one core | the call that is up: packets missing, p50, p99 |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in result["overload"].items():
        heard = row["canary"]
        of_call = f"{heard['missing']} of {heard['packets'] + heard['missing']}, {ms(heard['p50_ms'])}, {ms(heard['p99_ms'])}"
        if "offered" not in row:
            lines.append(f"| none | | | | | | {of_call} |")
            continue
        after = [str(seconds) for seconds in row["retry_after"]]
        lines.append(
            f"| {row['offered']:,} ({name}) | {row['answered_per_second']:.1f} | {row['refused']:,}, {ms(row['refused_p50_ms'])},"
            f" {ms(row['refused_p99_ms'])} | {row['unanswered'] + row['other']} | {(after[0] + ' to ' + after[-1] + ' s') if after else ''}"
            f" | {row['cpu_percent']:.0f} % | {of_call} |"
        )
    return "\n".join(lines) + "\n"


def ms(value):
    return "n/a" if value is None else f"{value:.2f} ms"


main()
