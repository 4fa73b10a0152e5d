"""Callers of the load tester: a scenario, and what the load tester tells of itself."""

import json
import os
import statistics
import subprocess
import sys

import echo
import gateways
import sip_servers

# Longer than any run takes, and all calls are listened to; then something hangs.
RUN_MAX_S = 900
# Each has a port of its own from here on.
FIRST_PORT = 10000

SCENARIO = """
seed = 7
[limits]
calls = {calls}
seconds = 300
at_once = {calls}
setup_seconds = 10
[target]
sip = "{host}:{port}"
sip_ws = "ws://127.0.0.1:{http_port}/sip"
[[agents]]
name = "callers"
kind = "{kind}"
role = "caller"
count = {calls}
codecs = ["pcmu"]
{agents}
[[traffic]]
from = "callers"
destination = "{number}"
arrival = {{ constant = {rate} }}
length = {{ fixed = {seconds} }}
"""
AGENTS = {
    "webrtc": 'accounts = {{ user = "{user}", password_file = "{password_file}" }}\nmedia_address = "127.0.0.1"',
    "phone": 'bind = "{caller}:{first_port}"',
}


def measure(running, binaries, folder, kind, calls):
    """So many calls, each by a caller of its own."""
    agents = AGENTS[kind].format(
        user=echo.USER, password_file=running.password_file, caller=sip_servers.CALLER, first_port=FIRST_PORT
    )
    file, reports = folder / "scenario.toml", folder / "report"
    file.touch(0o600)
    file.write_text(SCENARIO.format(
        calls=calls, host=sip_servers.HOST, port=sip_servers.PORT, http_port=gateways.HTTP_PORT, kind=kind, agents=agents,
        number=echo.NUMBER, rate=echo.DIALLED_A_SECOND, seconds=calls / echo.DIALLED_A_SECOND + echo.STEADY_S,
    ))
    command = [
        *echo.OTHER_CORE, binaries / "webtrunk-loadtest", "run", file, "--report", reports, "--pid", running.pid, "--plain",
    ]
    process = subprocess.Popen(["timeout", str(RUN_MAX_S), *map(str, command)], stdout=subprocess.DEVNULL)
    # Its exit status only says again what its report says.
    _, _, used = os.wait4(process.pid, 0)
    report_file = reports / "report.json"
    if not report_file.exists():
        sys.exit(f"generator: {calls} callers ({kind}) could not be played")
    return figures(json.loads(report_file.read_text()), calls, used.ru_utime + used.ru_stime)


def figures(report, calls, used_s):
    """CPU is that of the seconds in which all are up; `used_s` is that of the whole run."""
    steady = [moment for moment in report["curve"] if moment["up"] >= 0.99 * calls]
    if not steady:
        sys.exit(f"generator: never were {calls} calls up at one time: {report['summary']['causes']}")
    percent = statistics.mean(moment["own_cpu_percent"] for moment in steady)
    up = statistics.mean(moment["up"] for moment in steady)
    talked = sum(call["talked_s"] for call in report["calls"])
    summary, fitness = report["summary"], report["fitness"]
    return {
        "core_percent": percent,
        "cpu_ms_per_call_second": 10 * percent / up,
        "whole_ms_per_call_second": 1000 * used_s / max(talked, 1),
        "late_percent": fitness["late_percent"], "late_p99_ms": fitness["p99_ms"], "is_fit": fitness["is_fit"],
        "failed": summary["failed"], "ok": summary["ok"], "causes": summary["causes"],
        "target_percent": statistics.mean(moment["target_cpu_percent"] or 0 for moment in steady),
    }
