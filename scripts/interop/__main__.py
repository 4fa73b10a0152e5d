"""Runs the interop matrix and writes it to docs/INTEROP.md: each cell is a call with a real peer, or a reason.

A cell is a test of `gateway/tests/calls`, or several; it is well when all of them are. Where a cell has media, its
test checks what is heard. Tests that only serve the matrix are ignored by `make test`. Run by `make interop`.
"""

import argparse
import collections
import datetime
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

from matrix import CELLS, MATRIX, PEERS, Noted, Reason

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "INTEROP.md"
BEGIN, END = "<!-- interop: from here to the end mark, `make interop` writes -->\n", "<!-- interop: end -->\n"
# linphone does nothing where no way leads out, and describes its media by the family of the way that does; these lead nowhere.
NETWORK = (
    'ip link set lo up && ip link add way type veth peer name nowhere && ip address add 10.200.0.1/24 dev way'
    ' && ip address add fd00:200::1/64 dev way nodad && ip link set way up && ip link set nowhere up'
    ' && ip route add default dev way && ip -6 route add default dev way && exec "$@"'
)
# So many that failed are made once more by themselves; more are no accident of the machine.
AGAIN_MAX = 3
# All cells together; then something hangs.
RUN_MAX_S = 25 * 60


def main():
    arguments = argparse.ArgumentParser(prog="scripts/interop", description=__doc__.split("\n\n")[0])
    arguments.add_argument("--threads", type=int, default=4, help="cells at a time: calls wait more than they work")
    arguments.add_argument("--peer", choices=PEERS, help="one column; the document stays as it is")
    options = arguments.parse_args()
    peers = [options.peer] if options.peer else list(PEERS)
    names = sorted({name for peer in peers for cell in CELLS for name in tests(peer, cell)})
    begun = time.monotonic()
    verdicts = run(names, options.threads)
    again = [name for name in names if not verdicts.get(name)]
    if len(again) <= AGAIN_MAX:
        # docs/decisions/0020-calls-get-a-second-try.md
        verdicts |= run(again, 1) if again else {}
    seconds = int(time.monotonic() - begun)
    failed = [name for name in names if not verdicts.get(name)]
    if not options.peer:
        write(verdicts, seconds)
    print(f"{len(names) - len(failed)} of {len(names)} tests passed in {seconds} s")
    for name in failed:
        print(f"failed: {name}")
    return 1 if failed else 0


def tests(peer, cell):
    found = MATRIX[peer][cell]
    return [] if isinstance(found, Reason) else found


def run(names, threads):
    """Which of the tests passed: in a network of their own, where that can be made."""
    command = [*network(), program(), "--include-ignored", "--exact", f"--test-threads={threads}", *names]
    text = ""
    try:
        done = subprocess.run(command, cwd=ROOT / "gateway", stdout=subprocess.PIPE, text=True, timeout=RUN_MAX_S,
                              env={**os.environ, "WEBTRUNK_TEST_TOOLS": "required"})
        text = done.stdout
    except subprocess.TimeoutExpired as late:
        text = (late.stdout or b"").decode()
    sys.stderr.write(text)
    return {name: verdict == "ok" for name, verdict in re.findall(r"^test (\S+) \.\.\. (\w+)", text, re.MULTILINE)}


def program():
    """The test program, built."""
    done = subprocess.run(
        ["cargo", "test", "--locked", "--workspace", "--test", "calls", "--no-run", "--message-format=json"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True,
    )
    built = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    (path,) = [it["executable"] for it in built if it.get("executable") and it["target"]["name"] == "calls"]
    return path


def network():
    if os.geteuid() == 0 and shutil.which("unshare"):
        return ["unshare", "-n", "sh", "-c", NETWORK, "sh"]
    return []


def write(verdicts, seconds):
    """The table, the reasons, and what test each cell is."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    day = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M")
    reasons = []

    def number_of(reason):
        if reason not in reasons:
            reasons.append(reason)
        return reasons.index(reason) + 1

    lines = [f"Run on {day} UTC at {commit.stdout.strip()}, in {seconds} s: {versions()}.", ""]
    lines.append("| | " + " | ".join(PEERS) + " |")
    lines.append("|---|" + "---|" * len(PEERS))
    counts = collections.Counter()
    for cell in CELLS:
        row = []
        for peer in PEERS:
            found = MATRIX[peer][cell]
            if isinstance(found, Reason):
                row.append(f"n/a ({number_of(found)})")
                counts["n/a"] += 1
            else:
                is_well = all(verdicts.get(name) for name in found)
                note = f" ({number_of(found.note)})" if isinstance(found, Noted) else ""
                row.append(("yes" if is_well else "**no**") + note)
                counts["yes" if is_well else "no"] += 1
        lines.append(f"| {cell} | " + " | ".join(row) + " |")
    lines += ["", f"{counts['yes']} cells hold, {counts['no']} do not, {counts['n/a']} do not apply:", ""]
    lines += [f"{number}. {reason}" for number, reason in enumerate(reasons, 1)]
    lines += ["", "The test of each cell, below `gateway/tests/calls`:", ""]
    for peer in PEERS:
        lines.append(f"- **{peer}** ({PEERS[peer]})")
        for cell in CELLS:
            if tests(peer, cell):
                lines.append(f"  - {cell}: " + ", ".join(f"`{name}`" for name in tests(peer, cell)))
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        sys.exit(f"interop: {DOCUMENT} has no marks to write between")
    DOCUMENT.write_text(f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n\n{END}{after}")


def versions():
    """Of the peers."""
    lock = json.loads((ROOT / "gateway/tests/driver/package-lock.json").read_text())["packages"]
    web = json.loads((ROOT / "gateway/web/package-lock.json").read_text())["packages"]
    found = {}
    for name, key in (("JsSIP", "node_modules/jssip"), ("SIP.js", "node_modules/sip.js")):
        package = lock.get(key) or web.get(key)
        found[name] = package["version"] if package else "?"
    for name, package in (("Chromium", "chromium"), ("baresip", "baresip-core"), ("sipp", "sip-tester"),
                          ("linphone", "linphone-cli"), ("Kamailio", "kamailio")):
        done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True)
        found[name] = done.stdout or "?"
    return ", ".join(f"{name} {version}" for name, version in found.items())


sys.exit(main())
