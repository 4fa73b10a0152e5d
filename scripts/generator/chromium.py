"""One call of a headless Chromium, driven as the tests drive it."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import echo
import gateways
import processes

DRIVER = pathlib.Path(__file__).resolve().parents[2] / "gateway/tests/driver"
MEASURED_S, WARM_S = 20, 5


class Browser:
    """The driver's own process; the browser ends with it."""

    def __init__(self):
        node = os.environ.get("WEBTRUNK_TEST_NODE") or "node"
        self.process = subprocess.Popen(
            [*echo.OTHER_CORE, node, "driver.mjs"], cwd=DRIVER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.count = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(30)

    def do(self, what, **request):
        self.count += 1
        self.process.stdin.write(json.dumps({"id": self.count, "do": what, **request}) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            answer = json.loads(line)
            if answer["id"] == self.count:
                if "error" in answer:
                    sys.exit(f"generator: Chromium: {answer['error']}")
                return answer["value"]
        sys.exit("generator: the browser's driver has ended")

    def run(self, method, *arguments):
        return self.do("run", page="caller", method=method, arguments=arguments)


def measure(binaries, speech):
    """CPU of all of its processes while one call is up."""
    print("generator: chromium, 1 call", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder, Browser() as browser:
        launched = browser.do("launch", browser=shutil.which("chromium"), microphone=str(speech))
        origin = launched["origin"]
        with echo.Webtrunk(binaries, pathlib.Path(folder), origin) as running:
            browser.do("open", page="caller", origin=origin)
            account = {
                "user": echo.USER, "login": None, "password": running.password, "domain": "webtrunk.example",
                "socket": f"ws://127.0.0.1:{gateways.HTTP_PORT}/sip",
            }
            wish = {
                "library": "jssip", "microphone": "device", "codecs": ["PCMU"], "opus": "", "watchesFrames": False,
                "refreshes": False,
            }
            browser.run("register", account, wish)
            browser.run("next", "registered", 10_000)
            browser.run("call", echo.NUMBER)
            time.sleep(WARM_S)
            statistics = browser.run("stats")
            if not any(it["type"] == "inbound-rtp" and it["packetsReceived"] > 0 for it in statistics):
                sys.exit("generator: Chromium hears nothing")
            family = processes.family(launched["pid"])
            before, began = processes.cpu_s(family), time.monotonic()
            time.sleep(MEASURED_S)
            used, took = processes.cpu_s(family) - before, time.monotonic() - began
            browser.run("hangup")
    return {"cpu_ms_per_call_second": 1000 * used / took}
