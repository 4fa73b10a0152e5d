"""Webtrunk with an echo for users and for a trunk, on the first core; whoever calls it has the second."""

import secrets
import subprocess

import gateways
import sip_servers

OWN_CORE, OTHER_CORE = (["taskset", "--cpu-list", core] for core in "01")
NUMBER, USER = "7000", "alice"
# All are up for so long after the last was dialled.
DIALLED_A_SECOND, STEADY_S = 20, 20


class Webtrunk(gateways.Gateway):
    name = "Webtrunk"
    log = None
    is_up = staticmethod(gateways.Webtrunk.is_up)

    def __init__(self, binaries, folder, origin="http://127.0.0.1:1"):
        """`origin` is of the page that may open a WebSocket."""
        self.password, self.password_file = secrets.token_urlsafe(18), folder / "password"
        self.password_file.write_text(self.password + "\n")
        with self.password_file.open() as text:
            user = subprocess.run(
                [binaries / "webtrunk", "password", USER], stdin=text, capture_output=True, text=True, check=True
            )
        config = folder / "webtrunk.toml"
        config.touch(0o600)
        config.write_text(CONFIG.format(origin=origin) + user.stdout)
        self.command = [*OWN_CORE, str(binaries / "webtrunk"), "run", str(config)]


CONFIG = f"""
[http]
bind = "127.0.0.1:{gateways.HTTP_PORT}"
[sip]
strangers_per_address = 2000
[defence]
trusted = ["127.0.0.0/8"]
[sip_ws]
origins = ["{{origin}}"]
[[sip.listeners]]
transport = "udp"
bind = "{sip_servers.HOST}:{sip_servers.PORT}"
[media]
addresses = ["127.0.0.1"]
webrtc_port = 0
shards = 1
rtp_address = "127.0.0.1"
rtp_ports = [20000, 29999]
[[trunks]]
name = "office"
host = "{sip_servers.CALLER}"
networks = ["{sip_servers.CALLER}"]
codecs = ["PCMU"]
[[rules]]
name = "users"
destination = "7[0-9]+"
actions = ["answer", "echo"]
[[rules]]
name = "office"
destination = "7[0-9]+"
from_trunk = "office"
actions = ["answer", "echo"]
[log]
filter = "warn"
"""
