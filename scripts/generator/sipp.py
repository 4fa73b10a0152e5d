"""The same calls by sipp, which says speech and hears nothing of what comes back."""

import subprocess
import time

import calls as sipp_calls
import echo
import processes
import sip_servers

# What it takes at most after the calls are over.
END_MAX_S = 60


def measure(running, _binaries, folder, _name, calls):
    speech = folder / "speech.ulaw"
    source = sipp_calls.SCENARIOS.parents[2] / "gateway/assets/announcement.wav"
    subprocess.run(["sox", source, "-r", "8000", "-c", "1", "-t", "ul", speech], check=True, stderr=subprocess.DEVNULL)
    dialling_s = calls / echo.DIALLED_A_SECOND
    command = [
        *echo.OTHER_CORE,
        *sipp_calls.sipp(folder, "caller", sip_servers.CALLER, sipp_calls.CALLER_PORT,
                         {"media": sipp_calls.STREAM.format(file=speech)}),
        f"{sip_servers.HOST}:{sip_servers.PORT}", "-m", str(calls), "-l", str(calls), "-r", str(echo.DIALLED_A_SECOND),
        "-d", str(int(1000 * (dialling_s + echo.STEADY_S))), "-trace_err", "-error_file", str(folder / "errors"),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(dialling_s + 3)
        before, began = processes.cpu_s([process.pid]), time.monotonic()
        time.sleep(echo.STEADY_S - 6)
        used, took = processes.cpu_s([process.pid]) - before, time.monotonic() - began
        # 0 where all calls came through, else 1.
        status = process.wait(dialling_s + END_MAX_S)
    return {"cpu_ms_per_call_second": 1000 * used / took / calls, "failed": "none" if status == 0 else "some"}
