"""What webtrunk-loadtest makes of a gateway."""

import json
import subprocess
import sys

from gateways import PHONE_PORT

DIALLED_A_SECOND = 10
# Longer than any run takes; then something hangs.
RUN_MAX_S = 300


def run(running, binaries, calls, seconds, options, run_by=()):
    """Its report of so many calls, all of them up for so many seconds; `run_by` is a command that runs it."""
    command = [
        *run_by, binaries / "webtrunk-loadtest", "load", *running.options,
        "--phone", f"127.0.0.1:{PHONE_PORT}", "--media-address", "127.0.0.1",
        "--pid", running.pid, "--calls", calls, "--rate", DIALLED_A_SECOND, "--seconds", seconds, *options,
    ]
    done = subprocess.run(map(str, command), stdout=subprocess.PIPE, timeout=RUN_MAX_S)
    if not done.stdout:
        sys.exit(f"{running.name} could not be measured")
    return json.loads(done.stdout)
