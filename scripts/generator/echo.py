"""Webtrunk with an echo for users and for a trunk, on the first core; whoever calls it has the second."""

import secrets

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
        user = gateways.new_user(binaries, USER, self.password_file, self.password)
        self.command = [*OWN_CORE, *gateways.run(binaries, folder, CONFIG.format(origin=origin) + user)]


CONFIG = f"""
[sip]
strangers_per_address = 2000
[defence]
trusted = ["127.0.0.0/8"]
[sip_ws]
origins = ["{{origin}}"]
{sip_servers.OFFICE}
[media]
addresses = ["127.0.0.1"]
webrtc_port = 0
shards = 1
rtp_address = "127.0.0.1"
rtp_ports = [20000, 29999]
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
