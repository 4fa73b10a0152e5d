"""The two gateways as processes: started with what they need to know, ended with what was measured."""

import pathlib
import re
import secrets
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request

HTTP_PORT = 18480
SIP_PORT = 18460
PHONE_PORT = 18461
NG_PORT = 18462
# RTP of phones at both gateways, and rtpengine's towards callers.
RTP_PORTS = (30000, 31999)
START_MAX_S = 10

CONFIG = """
[http]
bind = "127.0.0.1:{http_port}"
[sip]
strangers_per_address = 400
[defence]
trusted = ["127.0.0.1"]
[sip_ws]
[[sip.listeners]]
transport = "udp"
bind = "127.0.0.1:{sip_port}"
[media]
addresses = ["127.0.0.1"]
webrtc_port = 0
rtp_address = "127.0.0.1"
rtp_ports = [{rtp_ports[0]}, {rtp_ports[1]}]
{media}
{recording}
[[trunks]]
name = "phones"
host = "127.0.0.1"
port = {phone_port}
[[rules]]
name = "load"
destination = "7[0-9]{{5}}"
actions = [{record} {{ bridge = {{ trunk = "phones", number = "$0" }} }}]
[log]
filter = "warn"
"""


class Gateway:
    """A process that runs inside a `with`; `options` lead the load tester to it."""

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=self.log)
        self.pid = self.process.pid
        deadline = time.monotonic() + START_MAX_S
        while not self.is_up():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                sys.exit(f"compare: {self.name} does not start; run it by hand: {' '.join(self.command)}")
            time.sleep(0.1)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(START_MAX_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Rtpengine(Gateway):
    """Debian's, without the kernel module, which would forward what is not transcoded."""

    name = "rtpengine"
    # It complains about every packet before the keys.
    log = subprocess.DEVNULL

    def __init__(self, _binaries, folder):
        self.pid_file = folder / "pid"
        self.command = [
            "rtpengine", "--config-file=none", "--table=-1", "--foreground", "--interface=127.0.0.1",
            f"--listen-ng=127.0.0.1:{NG_PORT}", f"--port-min={RTP_PORTS[0]}", f"--port-max={RTP_PORTS[1]}",
            "--log-stderr", "--log-level=4", f"--pidfile={self.pid_file}",
        ]
        self.options = ["--rtpengine", f"127.0.0.1:{NG_PORT}"]

    def is_up(self):
        return self.pid_file.exists()

    @staticmethod
    def version(_binaries):
        if not shutil.which("rtpengine"):
            sys.exit("compare: rtpengine is missing; install it by scripts/setup compare")
        done = subprocess.run(["rtpengine", "--version"], capture_output=True, text=True)
        return re.search(r"\d[\w.+-]*", done.stdout + done.stderr)[0]


class ProxiedRtpengine(Rtpengine):
    """rtpengine behind Debian's Kamailio, which speaks SIP with browsers over WebSocket."""

    name = "rtpengine"

    def __init__(self, binaries, folder):
        super().__init__(binaries, folder)
        self.proxy_pid_file = folder / "proxy.pid"
        self.proxy_command = [
            "kamailio", "-f", str(pathlib.Path(__file__).parent / "browser_proxy.cfg"), "-DD", "-E", "-m", "64", "-M", "8",
            "-P", str(self.proxy_pid_file), "-Y", str(folder),
        ]
        password = folder / "password"
        password.write_text("nobody asks\n")
        self.options = ["--server", f"ws://127.0.0.1:{HTTP_PORT}/sip", "--password-file", password]

    def __enter__(self):
        # It asks for rtpengine when it starts.
        super().__enter__()
        self.proxy = subprocess.Popen(self.proxy_command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_MAX_S
        while not self.proxy_pid_file.exists():
            if time.monotonic() > deadline:
                self.__exit__()
                sys.exit(f"compare: Kamailio does not start; run it by hand: {' '.join(self.proxy_command)}")
            time.sleep(0.1)
        return self

    def __exit__(self, *_):
        super().__exit__()
        self.proxy.terminate()
        self.proxy.wait(START_MAX_S)


class Webtrunk(Gateway):
    name = "Webtrunk"
    log = None

    def __init__(self, binaries, folder, media="", record=None):
        """`media` are lines of that section, `record` the format of recordings of all calls."""
        password = folder / "password"
        user = new_user(binaries, "alice", password, secrets.token_urlsafe(18))
        (folder / "recordings").mkdir()
        text = CONFIG.format(
            http_port=HTTP_PORT, sip_port=SIP_PORT, phone_port=PHONE_PORT, rtp_ports=RTP_PORTS, media=media,
            recording=f'[recording]\nfolder = "{folder}/recordings"' if record else "",
            record=f'{{ record = {{ format = "{record}" }} }},' if record else "",
        )
        self.command = run(binaries, folder, text + user)
        self.options = ["--server", f"ws://127.0.0.1:{HTTP_PORT}/sip", "--password-file", password]

    @staticmethod
    def is_up():
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{HTTP_PORT}/healthz", timeout=1).status == 200
        except (urllib.error.URLError, OSError):
            return False

    @staticmethod
    def version(binaries):
        done = subprocess.run([binaries / "webtrunk", "--version"], capture_output=True, text=True, check=True)
        return done.stdout.split()[-1]


def new_user(binaries, name, file, password):
    """A user of Webtrunk's as its configuration has it; the password is written into the file."""
    file.write_text(password + "\n")
    with file.open() as text:
        made = subprocess.run(
            [binaries / "webtrunk", "password", name], stdin=text, capture_output=True, text=True, check=True
        )
    return made.stdout


def run(binaries, folder, text):
    """The command by which Webtrunk runs with this configuration, which is written into the folder."""
    config = folder / "webtrunk.toml"
    config.touch(0o600)
    config.write_text(text)
    return [str(binaries / "webtrunk"), "run", str(config)]


ALL = (Rtpengine, Webtrunk)
