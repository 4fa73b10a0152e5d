"""Kamailio and Webtrunk between sipp and sipp: as processes with CPU time and memory."""

import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import gateways
import processes

HOST, CALLER, CALLEE = "127.0.0.1", "127.0.0.3", "127.0.0.2"
PORT, CALLEE_PORT = 18460, 18461
REALM, PASSWORD = "webtrunk", "registrant"
USERS = 2000


class Server(gateways.Gateway):
    """What it used, its children included."""

    log = subprocess.DEVNULL

    def __exit__(self, *_):
        """The children too: those of a parent that had to be killed would keep its ports."""
        children = self.processes()[1:]
        super().__exit__()
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def processes(self):
        """The process and all that came of it."""
        return processes.family(self.pid)

    def cpu_s(self):
        """User and system time until now."""
        return processes.cpu_s(self.processes())

    def memory_kib(self):
        """Proportional: what processes share counts once."""
        text = "".join(pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in self.processes())
        return sum(map(int, re.findall(r"^Pss: +(\d+)", text, re.MULTILINE)))


class Kamailio(Server):
    """Debian's, as a proxy that keeps transactions and dialogs, and as a registrar that asks for passwords."""

    name = "Kamailio"

    def __init__(self, _binaries, folder):
        config = folder / "kamailio.cfg"
        config.write_text((pathlib.Path(__file__).parent / "kamailio.cfg").read_text())
        self.pid_file = folder / "pid"
        self.command = [
            "kamailio", "-f", str(config), "-DD", "-E", "-m", "512", "-M", "8", "-P", str(self.pid_file),
            "-Y", str(folder),
        ]

    def is_up(self):
        return self.pid_file.exists()

    @staticmethod
    def version(_binaries):
        if not shutil.which("kamailio"):
            sys.exit("compare: kamailio is missing; install it by scripts/setup compare")
        done = subprocess.run(["kamailio", "-v"], capture_output=True, text=True)
        return re.search(r"kamailio (\S+)", done.stdout)[1]


class Webtrunk(Server):
    """It ends both calls and carries their media itself. It keeps no ladders of their messages, as Kamailio keeps none."""

    name = "Webtrunk"
    is_up = staticmethod(gateways.Webtrunk.is_up)
    version = staticmethod(gateways.Webtrunk.version)

    def __init__(self, binaries, folder):
        self.command = gateways.run(binaries, folder, CONFIG + "".join(map(user, range(USERS))))


def user_name(number):
    return f"user{number:05}"


def user(number):
    name = user_name(number)
    hashed = hashlib.md5(f"{name}:{REALM}:{PASSWORD}".encode()).hexdigest()
    return f'[[users]]\nname = "{name}"\nha1_md5 = "{hashed}"\n'


# Where Webtrunk listens, and the trunk from which sipp calls.
OFFICE = f"""
[http]
bind = "127.0.0.1:{gateways.HTTP_PORT}"
[[sip.listeners]]
transport = "udp"
bind = "{HOST}:{PORT}"
[[trunks]]
name = "office"
host = "{CALLER}"
networks = ["{CALLER}"]
codecs = ["PCMU"]
"""

CONFIG = f"""{OFFICE}
[media]
addresses = ["127.0.0.1"]
webrtc_port = 0
rtp_address = "127.0.0.1"
rtp_ports = [20000, 64999]
[[trunks]]
name = "phones"
host = "{CALLEE}"
port = {CALLEE_PORT}
networks = ["{CALLEE}"]
codecs = ["PCMU"]
[[rules]]
name = "load"
destination = "7[0-9]+"
from_trunk = "office"
actions = [{{ bridge = {{ trunk = "phones", number = "$0" }} }}]
[log]
filter = "warn"
[trace]
enabled = false
"""

ALL = (Kamailio, Webtrunk)
