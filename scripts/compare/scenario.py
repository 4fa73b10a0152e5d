"""One scenario of the load tester at Kamailio with rtpengine, and at Webtrunk: browsers that call phones, every call heard.

Nothing but the target differs: the same callers, numbers, times, lengths, digits and holds, the same speech in some of the calls.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import gateways
import processes

BEGIN = "<!-- compare by scenario: from here to the end mark, `make compare` writes -->\n"
END = "<!-- compare by scenario: end -->\n"
# What callers speak; the phone has PCMU.
CODECS = {"opus": "Opus ↔ PCMU", "pcmu": "PCMU ↔ PCMU"}
CALLS = 120
GATEWAYS = {"Kamailio + rtpengine": gateways.ProxiedRtpengine, "Webtrunk": gateways.Webtrunk}
# Longer than any run takes; then something hangs.
RUN_MAX_S = 300

SCENARIO = """
seed = 7
[limits]
calls = {calls}
seconds = 60
at_once = 60
setup_seconds = 10
[target]
sip_ws = "{server}"
[[agents]]
name = "browsers"
kind = "webrtc"
role = "caller"
count = 20
accounts = {{ user = "alice", password_file = "{password}" }}
codecs = ["{codec}"]
media_address = "127.0.0.1"
[[agents]]
name = "phone"
kind = "phone"
role = "answerer"
bind = "127.0.0.1:{phone_port}"
codecs = ["pcmu"]
[[traffic]]
from = "browsers"
to = "phone"
destination = "7{{call}}"
arrival = {{ poisson = 4 }}
length = {{ uniform = {{ min = 7, max = 10 }} }}
steps = [{{ after = 4, digits = "12#" }}, {{ after = 5.5, hold = 0.5 }}]
[speech]
file = "{speech}"
every = 6
"""


def measure(binaries, speech, pages):
    """The reports by codec and gateway; both of a codec are drawn into one page in the folder `pages`."""
    found = {}
    for codec in CODECS:
        found[codec], files = {}, []
        for name, gateway in GATEWAYS.items():
            print(f"compare: scenario, {codec}, {name}", file=sys.stderr)
            report = pages / f"scenario-{codec}-{'-'.join(name.lower().split(' + '))}.json"
            with tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(folder)
                with gateway(binaries, folder) as running:
                    found[codec][name] = play(running, binaries, folder, codec, speech)
            report.write_text(json.dumps(found[codec][name]["report"]) + "\n")
            files.append(report)
        # By these names it tells them apart.
        names = [file.name for file in files]
        command = [binaries.resolve() / "webtrunk-loadtest", "compare", *names, "--page", f"scenario-{codec}.html"]
        subprocess.run(command, check=True, cwd=pages)
    return found


def play(running, binaries, folder, codec, speech):
    """The load tester's report, and what the gateway's processes used meanwhile."""
    options = dict(zip(running.options[::2], running.options[1::2]))
    file, reports = folder / "scenario.toml", folder / "report"
    file.touch(0o600)
    file.write_text(SCENARIO.format(
        calls=CALLS, server=options["--server"], password=options["--password-file"], codec=codec,
        phone_port=gateways.PHONE_PORT, speech=speech,
    ))
    pids = [running.pid] + ([running.proxy.pid] if hasattr(running, "proxy") else [])
    family = [pid for first in pids for pid in processes.family(first)]
    before = processes.cpu_s(family)
    command = [binaries / "webtrunk-loadtest", "run", file, "--report", reports, "--pid", str(running.pid), "--plain"]
    # Its exit status only says again what its report says.
    subprocess.run(command, stdout=subprocess.DEVNULL, timeout=RUN_MAX_S)
    used = processes.cpu_s(family) - before
    report_file = reports / "report.json"
    if not report_file.exists():
        sys.exit("compare: the scenario could not be played")
    report = json.loads(report_file.read_text())
    talked = sum(call["talked_s"] for call in report["calls"])
    return {"report": report, "cpu_ms_per_call_second": 1000 * used / max(talked, 1)}


def rows():
    """What is told of a run, each from its summary."""
    of = lambda key, shares, unit="": lambda it: shown(it["report"]["summary"][key], shares, unit)
    yield "calls that are good", lambda it: "{ok} of {calls}".format(**it["report"]["summary"])
    yield "what is wrong, with how many", causes
    yield "INVITE to answer, p50 / p95", of("setup_ms", ("p50", "p95"), " ms")
    yield "answer to first audio, p50 / p95", of("first_audio_ms", ("p50", "p95"), " ms")
    yield "mouth to ear, p50 / p95", of("mouth_to_ear_ms", ("p50", "p95"), " ms")
    yield "interarrival jitter, p50 / p95", of("jitter_ms", ("p50", "p95"), " ms")
    yield "packets lost", lambda it: f"{it['report']['summary']['loss_percent']:.2f} %"
    yield "opinion score by the E-model, p5 / p50", of("mos", ("p5", "p50"))
    yield "speech beside what was said, p5 / p50", of("opinion", ("p5", "p50"))
    yield "CPU per call-second, all processes", lambda it: f"{it['cpu_ms_per_call_second']:.2f} ms"
    yield "packets that the load tester itself sent late", lambda it: f"{it['report']['fitness']['late_percent']:.2f} %"


def shown(distribution, shares, unit):
    if distribution is None:
        return "not measured"
    return " / ".join(f"{distribution[share]:.2f}" if not unit else f"{distribution[share]:.1f}" for share in shares) + unit


def causes(it):
    told = [f"{cause}: {count}" for cause, count in it["report"]["summary"]["causes"].items()]
    return "; ".join(told).replace("|", "/") or "nothing"


def markdown(result):
    versions = result["versions"]
    lines = [
        f"Taken on {result['date']} on {result['machine']['cores']} cores ({result['machine']['cpu']}): Kamailio"
        f" {versions['Kamailio']} with rtpengine {versions['rtpengine']}, Webtrunk {versions['Webtrunk']}; {CALLS} calls each, of 7 to"
        " 10 s, four a second on average.",
    ]
    for codec, title in CODECS.items():
        found = result["scenario"][codec]
        lines += ["", f"| {title} | " + " | ".join(found) + " |", "|---|" + "---|" * len(found)]
        lines += [f"| {what} | " + " | ".join(read(it) for it in found.values()) + " |" for what, read in rows()]
        unfit = [name for name, it in found.items() if not it["report"]["fitness"]["is_fit"]]
        if unfit:
            lines += ["", f"The load tester was late itself beside {' and '.join(unfit)}, so that this compares nothing."]
    return "\n".join(lines) + "\n"
