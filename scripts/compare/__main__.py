"""Webtrunk beside rtpengine (media) and beside Kamailio (signalling), one after the other, under the same calls:
CPU, memory, delay, rates and sound, as ratios.

One generator (webtrunk-loadtest) makes all calls: WebRTC callers with DTLS-SRTP on one side, RTP phones with
PCMU on the other, the same speech in both directions, every packet counted. Both gateways run as they come, but
for addresses and ports. rtpengine is told of the descriptions by its NG protocol, Webtrunk by SIP. Everything
is on loopback and bounded in calls and time.

One scenario of the load tester is played at both, rtpengine behind Kamailio (scenario.py). Beside Kamailio sipp calls sipp, and registers (signalling.py). Beside spandsp lost packets are made up (concealment.py).

Run by `make compare`. Needs rtpengine and Kamailio, spandsp, sipp and perf (`scripts/setup compare`), the release binaries and WEBTRUNK_PYTHON, a Python with the package pesq.
"""

import argparse
import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import concealment
import gateways
import load
import machine
import plot
import report
import scenario
import shares
import signalling
import sip_servers

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPEECH = ROOT / "gateway/assets/announcement.wav"
TRANSCODED = ["--audio", str(SPEECH)]
# Numbered packets are followed one by one; they are no sound.
PASSED_THROUGH = ["--codec", "pcmu", "--numbered"]
SHARES_CALLS = 50
STALLED, SET_UP = "stalled-20", "set-up-50"


def rows(seconds):
    """Name, calls, seconds, options of the load tester. PESQ wants ten seconds and more."""
    yield "transcoded-20", 20, seconds, [*TRANSCODED, "--pesq", "5"]
    yield "transcoded-50", 50, seconds, TRANSCODED
    yield "passed-through-20", 20, seconds, PASSED_THROUGH
    yield "passed-through-50", 50, seconds, PASSED_THROUGH
    yield STALLED, 20, seconds, [*TRANSCODED, "--stall", str(report.STALL_MS)]
    # On both ways at once: what is lost on the one is not heard on the other.
    for row, _, percent, in_a_row in report.LOSSES:
        lost = ["--uplink-loss", str(percent), "--phone-loss", str(percent), "--loss-burst", str(in_a_row)]
        yield row, 10, 12, [*TRANSCODED, "--pesq", "10", *lost]


def measure(gateway, binaries, calls, seconds, options):
    """One row on a gateway of its own, so that memory is not inherited."""
    with tempfile.TemporaryDirectory() as folder, gateway(binaries, pathlib.Path(folder)) as running:
        return load.run(running, binaries, calls, seconds, options)


def measure_shares(binaries, options):
    """Where the CPU time of fifty calls through Webtrunk goes, and what it is in all."""
    libopus = shares.libopus_symbols(binaries)
    with tempfile.TemporaryDirectory() as folder, gateways.Webtrunk(binaries, pathlib.Path(folder)) as running:
        sampling = shares.record(running.pid, folder)
        seconds = shares.BEGIN_AFTER_S + shares.LASTS_S - SHARES_CALLS // load.DIALLED_A_SECOND
        load.run(running, binaries, SHARES_CALLS, seconds, options)
        sampling.wait(load.RUN_MAX_S)
        return shares.read(folder, libopus)


def main():
    parser = argparse.ArgumentParser(prog="scripts/compare", description=__doc__.split("\n\n")[0])
    parser.add_argument("--binaries", type=pathlib.Path, default=ROOT / "target/release", metavar="FOLDER")
    parser.add_argument("--json", type=pathlib.Path, default=ROOT / "target/compare.json", metavar="FILE")
    parser.add_argument("--seconds", type=int, default=12, help="for each row with all calls up (default: 12)")
    parts = {
        "media": compare_media, "scenario": compare_scenario, "signalling": compare_signalling, "concealment": compare_concealment,
    }
    parser.add_argument("--only", choices=parts, help="one part; the others' sections stay")
    arguments = parser.parse_args()

    result = {
        "date": datetime.date.today().isoformat(),
        "machine": machine.read(),
        "versions": {it.name: it.version(arguments.binaries) for it in (*gateways.ALL, *sip_servers.ALL)},
        "load_average": [os.getloadavg()[0]],
        "rows": {},
    }
    for part, compare in parts.items():
        if arguments.only in (None, part):
            compare(arguments, result)
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")


def compare_media(arguments, result):
    for name, calls, seconds, options in rows(arguments.seconds):
        measured = result["rows"][name] = {}
        for gateway in gateways.ALL:
            print(f"compare: {name}, {gateway.name}", file=sys.stderr)
            measured[gateway.name] = measure(gateway, arguments.binaries, calls, seconds, options)
            result["load_average"].append(os.getloadavg()[0])
    # Callers of the load tester's library want to be the DTLS client: then no side has to doubt the other's cookie.
    result["rows"][SET_UP] = {}
    for gateway in (gateways.ProxiedRtpengine, gateways.Webtrunk):
        print(f"compare: {SET_UP}, {gateway.name}", file=sys.stderr)
        options = [*PASSED_THROUGH, "--dtls-client"]
        result["rows"][SET_UP][gateway.name] = measure(gateway, arguments.binaries, 50, 2, options)
    result["shares"] = {}
    for kind, options in (("transcoded", TRANSCODED), ("passed-through", PASSED_THROUGH)):
        print(f"compare: shares of {kind}, Webtrunk", file=sys.stderr)
        result["shares"][kind] = measure_shares(arguments.binaries, options)
    result["figures"] = report.figures(result["rows"])

    (ROOT / "docs/compare.svg").write_text(plot.svg(result))
    text = report.markdown(result)
    report.replace_section(ROOT / "docs/PERFORMANCE.md", text)
    print(text)


def compare_scenario(arguments, result):
    result["scenario"] = scenario.measure(arguments.binaries, SPEECH, arguments.json.resolve().parent)
    text = scenario.markdown(result)
    report.replace_section(ROOT / "docs/load-testing.md", text, scenario.BEGIN, scenario.END)
    print(text)


def compare_signalling(arguments, result):
    with tempfile.TemporaryDirectory() as folder:
        speech = pathlib.Path(folder) / "speech.ulaw"
        command = ["sox", SPEECH, "-r", "8000", "-c", "1", "-t", "ul", speech]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        result["signalling"] = signalling.measure(arguments.binaries, speech)
    result["signalling_figures"] = signalling.figures(result["signalling"])
    (ROOT / "docs/compare-sip.svg").write_text(plot.sip_svg(result["signalling_figures"]))
    text = signalling.markdown(result)
    report.replace_section(ROOT / "docs/PERFORMANCE.md", text, signalling.BEGIN, signalling.END)
    print(text)


def compare_concealment(arguments, result):
    print("compare: concealment, spandsp and Webtrunk", file=sys.stderr)
    python = os.environ.get("WEBTRUNK_PYTHON") or sys.executable
    result["concealment"] = concealment.measure(python, arguments.binaries / "examples/conceal")
    text = concealment.markdown(result)
    report.replace_section(ROOT / "docs/PERFORMANCE.md", text, concealment.BEGIN, concealment.END)
    print(text)


main()
