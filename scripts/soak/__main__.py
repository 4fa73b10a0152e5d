"""Short calls at a steady rate for long, and what the gateway holds meanwhile, written into docs/PERFORMANCE.md.

Run by `make soak` (SOAK_MINUTES=30). Every second call comes over WebRTC (Opus over DTLS-SRTP), the others from a SIP phone
(PCMU), all to a SIP phone; each is talked in for eight seconds, and packets are counted at both ends. Memory, descriptors, ports,
timers, calls and legs are read each second; what is held after the warm-up has to be flat, and all of it given back at the end.
"""

import argparse
import datetime
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The gateway as a process is that of `make compare`.
sys.path.append(str(ROOT / "scripts/compare"))

import gateways
import machine
import plot
import report

BEGIN = "<!-- soak: from here to the end mark, `make soak` writes -->\n"
END = "<!-- soak: end -->\n"
CALLER = "127.0.0.2"
# The messages of the last thousand calls are kept, an answered INVITE and its BYE are remembered for 32 s, ports rest after use,
# and the heap finds its size: in this share of the run, and in this time at least, or half of the run where that is shorter.
WARM_UP_SHARE = 0.2
WARM_UP_MIN_S = 300
# How long what ended is remembered by the protocols: 64 times T1, and some.
LINGER_S = 40
# What may grow between the first and the last third after the warm-up: what is believed to be the heap's own disorder.
GROWTH_MAX = {"rss_mib": ("MiB", 1.0), "descriptors": ("", 4), "ports": ("", 4), "timers": ("", 40)}
SAMPLED = {
    "rss_mib": "memory, MiB", "descriptors": "descriptors", "ports": "RTP port pairs", "timers": "media timers",
}
COLOUR = "#2b6cb0"


class Soaked(gateways.Webtrunk):
    """The gateway with a trunk more, that calls, and with records of all calls."""

    def __init__(self, binaries, folder):
        super().__init__(binaries, folder)
        config = folder / "webtrunk.toml"
        text = config.read_text().replace("[[rules]]\n", TRUNK.format(folder=folder, caller=CALLER), 1)
        config.write_text(text)


TRUNK = """
[store]
path = "{folder}/webtrunk.db"
[cdr]
file = "{folder}/calls.jsonl"
[[trunks]]
name = "office"
host = "{caller}"
port = 18463
networks = ["{caller}"]
[[rules]]
name = "from the office"
destination = "7[0-9]{{5}}"
from_trunk = "office"
actions = [{{ bridge = {{ trunk = "phones", number = "$0" }} }}]
[[rules]]
"""


def sample(pid):
    status = json.load(urllib.request.urlopen(f"http://127.0.0.1:{gateways.HTTP_PORT}/status", timeout=10))
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    rss_kib = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return {
        "rss_mib": rss_kib / 1024,
        "descriptors": len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir())),
        "threads": len(list(pathlib.Path(f"/proc/{pid}/task").iterdir())),
        "ports": status["rtp_ports_in_use"],
        "timers": status["media_timers"],
        "calls": status["calls"],
        "legs": status["media_legs"] + status["signalling_legs"],
    }


def run(binaries, minutes, rate):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        with Soaked(binaries, folder) as running:
            idle = sample(running.pid)
            samples, is_over = [], threading.Event()
            began = time.monotonic()

            def watch():
                while not is_over.wait(1):
                    samples.append({"s": time.monotonic() - began, **sample(running.pid)})

            watching = threading.Thread(target=watch)
            watching.start()
            command = [
                binaries / "webtrunk-loadtest", "soak", *running.options, "--sip", f"127.0.0.1:{gateways.SIP_PORT}",
                "--phone", f"127.0.0.1:{gateways.PHONE_PORT}", "--caller", f"{CALLER}:18463", "--media-address", "127.0.0.1",
                "--rate", rate, "--minutes", minutes,
            ]
            try:
                done = subprocess.run(map(str, command), stdout=subprocess.PIPE)
            finally:
                is_over.set()
                watching.join()
            if not done.stdout:
                sys.exit("soak: the load tester could not run")
            time.sleep(LINGER_S)
            after = sample(running.pid)
        records = sum(1 for _ in (folder / "calls.jsonl").open())
    return {
        "date": datetime.date.today().isoformat(), "machine": machine.read(), "minutes": minutes,
        "rate": rate, "idle": idle, "after": after, "records": records, "samples": samples,
        "load": json.loads(done.stdout),
    }


def judge(result):
    """What is not flat, or was not given back, in words; and the medians of the first and the last third."""
    seconds = result["minutes"] * 60
    warm = [it for it in result["samples"] if it["s"] > max(seconds * WARM_UP_SHARE, min(WARM_UP_MIN_S, seconds / 2))]
    warm = [it for it in warm if it["s"] < seconds]
    third = max(len(warm) // 3, 1)
    medians, faults = {}, []
    for key, (unit, most) in GROWTH_MAX.items():
        first, last = (statistics.median(it[key] for it in part) for part in (warm[:third], warm[-third:]))
        medians[key] = (first, last)
        if last - first > most:
            faults.append(f"{SAMPLED[key]} grew from {first:.1f} to {last:.1f} {unit}".strip())
    after, idle = result["after"], result["idle"]
    faults += [f"{after[key]} {key} are left" for key in ("ports", "calls", "legs") if after[key]]
    if after["descriptors"] > idle["descriptors"] + 4:
        faults.append(f"{after['descriptors']} descriptors are left of {idle['descriptors']} before")
    load = result["load"]
    for kind in ("webrtc", "phone", "callee"):
        faults += [f"{count} calls ({kind}): {why}" for why, count in load[kind]["failures"].items()]
    calls = load["webrtc"]["calls"] + load["phone"]["calls"]
    if result["records"] != calls:
        faults.append(f"{result['records']} records of {calls} calls")
    return faults, medians


def markdown(result):
    faults, medians = judge(result)
    load, hardware = result["load"], result["machine"]
    calls = load["webrtc"]["calls"] + load["phone"]["calls"]
    lines = [
        f"Taken on {result['date']}: {hardware['cores']} cores ({hardware['cpu']}), Linux {hardware['kernel']}."
        f" {result['minutes']:g} minutes at {result['rate']:g} calls a second: {load['webrtc']['calls']:,} calls over WebRTC and"
        f" {load['phone']['calls']:,} from a phone, up to {load['up_at_most']} at a time, {result['records']:,} records of {calls:,} calls.",
        "",
        "| | idle | after the warm-up | at the end | when all is over |",
        "|---|---|---|---|---|",
    ]
    for key, name in SAMPLED.items():
        first, last = medians[key]
        digits = 1 if key == "rss_mib" else 0
        cells = [result["idle"][key], first, last, result["after"][key]]
        lines.append(f"| {name} | " + " | ".join(f"{cell:.{digits}f}" for cell in cells) + " |")
    verdict = "Flat, and all was given back." if not faults else "**Not as it should be**: " + "; ".join(faults) + "."
    lines += ["", verdict, "", "![What the gateway holds over time](soak.svg)"]
    return "\n".join(lines) + "\n"


def svg(samples):
    """One panel for each thing that is held, over the minutes."""
    parts = plot.head({"Webtrunk": COLOUR}, len(SAMPLED))
    end = max(it["s"] for it in samples)
    for at, (key, name) in enumerate(SAMPLED.items()):
        x = 30 + at * (plot.PANEL + plot.GAP)
        top = max(max(it[key] for it in samples), 1)
        height = plot.BOTTOM - plot.TOP
        points = " ".join(
            f"{x + it['s'] / end * plot.PANEL:.1f},{plot.BOTTOM - it[key] / top * height:.1f}" for it in thinned(samples)
        )
        parts += [
            plot.text(x, plot.TOP - 20, f"{name} (up to {top:.0f})", "start"), plot.axis(x),
            f'<polyline points="{points}" fill="none" stroke="{COLOUR}" stroke-width="1.5"/>',
            plot.text(x, plot.BOTTOM + 18, "0", "start"), plot.text(x + plot.PANEL, plot.BOTTOM + 18, f"{end / 60:.0f} min", "end"),
        ]
    return "\n".join([*parts, "</svg>", ""])


def thinned(samples, most=200):
    """As many as a panel has room for, the last one among them."""
    step = max(len(samples) // most, 1)
    return [*samples[:-1:step], samples[-1]]


def main():
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__.split("\n\n")[0])
    parser.add_argument("--target", type=pathlib.Path, default=ROOT / "target", metavar="FOLDER", help="cargo's")
    parser.add_argument("--minutes", type=float, default=30, help="how long calls begin (default: 30)")
    parser.add_argument("--rate", type=float, default=5, help="calls a second (default: 5)")
    parser.add_argument("--dry", action="store_true", help="only print: docs/ stays as it is")
    arguments = parser.parse_args()
    result = run(arguments.target / "release", arguments.minutes, arguments.rate)
    (arguments.target / "soak.json").write_text(json.dumps(result, indent=1) + "\n")
    text = markdown(result)
    print(text)
    if not arguments.dry:
        report.replace_section(ROOT / "docs/PERFORMANCE.md", text, BEGIN, END)
        (ROOT / "docs/soak.svg").write_text(svg(result["samples"]))
    sys.exit(1 if judge(result)[0] else 0)


main()
