"""What sipp makes of a server: calls and registrations at a rate, and whether they all came through."""

import csv
import pathlib
import subprocess
import tempfile

from sip_servers import CALLEE, CALLEE_PORT, CALLER, HOST, PASSWORD, PORT, USERS, user_name

SCENARIOS = pathlib.Path(__file__).parent / "scenarios"
CALLER_PORT = 18463
# No run lasts longer; then something hangs.
RUN_MAX_S = 120
# What waits for sipp while another process has its core. It would ask for 64 KiB, which are some fifty messages, and less than a
# process gets that asks for nothing; both servers ask for more.
BUFFER_OCTETS = 1 << 20
# No call is shorter: of an ACK and a BYE sent at once, a proxy with two workers may pass on the BYE first.
LASTING_MS = 20
STREAM = '<nop><action><exec rtp_stream="{file},-1,0"/></action></nop>'


class Callee:
    """A sipp that answers every call while the `with` lasts; with media it sends back what it hears."""

    def __init__(self, folder, echoes=False):
        media = ["-rtp_echo", "-mp", "18600"] if echoes else []
        self.command = sipp(folder, "callee", CALLEE, CALLEE_PORT, {}) + media

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def sipp(folder, scenario, address, port, values):
    """A command that plays a scenario."""
    text = (SCENARIOS / f"{scenario}.xml").read_text().replace("@MEDIA@", values.get("media", ""))
    path = pathlib.Path(folder) / f"{scenario}.xml"
    path.write_text(text)
    return [
        "sipp", "-sf", str(path), "-i", address, "-mi", address, "-p", str(port), "-bind_local", "-nostdin",
        "-timeout", str(RUN_MAX_S), "-recv_timeout", "40000", "-max_retrans", "4", "-default_behaviors", "all,-bye",
        "-buff_size", str(BUFFER_OCTETS),
    ]


def run(folder, scenario, rate, count, more=(), values=None, limit=None):
    """Plays a scenario `count` times, begun at `rate` a second. What came of it: figures of sipp's own."""
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".csv") as figures:
        command = sipp(folder, scenario, CALLER, CALLER_PORT, values or {}) + [
            f"{HOST}:{PORT}", "-m", str(count), "-r", str(rate), "-l", str(limit or count), "-fd", "1",
            "-trace_stat", "-stf", figures.name, *more,
        ]
        # Its exit status only says again what its figures say.
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=2 * RUN_MAX_S)
        rows = list(csv.DictReader(open(figures.name), delimiter=";"))
    last = rows[-1] if rows else {}
    figure = lambda name: int(last.get(name) or 0)
    return {
        "calls": figure("SuccessfulCall(C)"),
        "failed": count - figure("SuccessfulCall(C)"),
        "retransmissions": figure("Retransmissions(C)"),
    }


def calls(folder, rate, count, lasting_ms=LASTING_MS, speech=None):
    values = {"media": STREAM.format(file=speech)} if speech else {}
    return run(folder, "caller", rate, count, ["-d", str(lasting_ms)], values)


def registrations(folder, rate, count):
    """Each of another user."""
    users = pathlib.Path(folder) / "users.csv"
    lines = [f"{name};[authentication username={name} password={PASSWORD}]" for name in map(user_name, range(USERS))]
    users.write_text("SEQUENTIAL\n" + "\n".join(lines) + "\n")
    return run(folder, "registrant", rate, count, ["-inf", str(users)])
