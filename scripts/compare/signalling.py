"""Signalling beside Kamailio: what calls, registrations and dialogs cost, and how long a caller waits for the ring.

Kamailio is a proxy that keeps transactions and dialogs; Webtrunk ends both calls, reads both descriptions and carries
the media. It does more for each call, so what is compared is what it costs to have it in that place.
"""

import pathlib
import statistics
import sys
import tempfile
import threading
import time

import calls
import dialling
import sip_servers

# Calls or registrations a second, and for how long: a rate that neither is near its end at.
RATE, RATE_S = 100, 8
# Where the search for the highest rate begins and ends, and how long each step takes.
RATES = (200, 300, 400, 500, 600, 800, 1000, 1200, 1500, 1800, 2200, 2600, 3000)
STEP_S = 4
# More of them failed or sent again than this, and the rate is no longer carried. Two workers of a proxy may change the
# order of two messages, which sipp does not forgive.
FAILED_MAX, RETRANSMITTED_MAX = 0.002, 0.02
DIALOGS, DIALOGS_S = 300, 20
MEDIA_CALLS, MEDIA_S = 50, 20
PROBES = 400

BEGIN = "<!-- compare with Kamailio: from here to the end mark, `make compare` writes -->\n"
END = "<!-- compare with Kamailio: end -->\n"


def measure(binaries, speech):
    """Everything, of both."""
    found = {}
    for server in sip_servers.ALL:
        measured = found[server.name] = {}
        for name, take in MEASURES.items():
            print(f"compare: {name}, {server.name}", file=sys.stderr)
            with tempfile.TemporaryDirectory() as folder, server(binaries, pathlib.Path(folder)) as running:
                measured.update(take(running, pathlib.Path(folder), speech))
    return found


def of_calls(running, folder, _speech):
    """CPU time of a call that is begun, answered and ended at once, and the highest rate of them."""
    with calls.Callee(folder):
        calls.calls(folder, RATE, RATE)
        before = running.cpu_s()
        done = calls.calls(folder, RATE, RATE * RATE_S)
        used = running.cpu_s() - before
        highest = highest_rate(lambda rate: calls.calls(folder, rate, rate * STEP_S))
    return {"call_cpu_ms": 1000 * used / max(done["calls"], 1), "call": done, "calls_per_second": highest}


def of_registrations(running, folder, _speech):
    """CPU time of a registration with its challenge, memory of a binding, and the highest rate."""
    # What the process takes for the first of them, it does not take for each.
    calls.registrations(folder, RATE, 20)
    memory, before = running.memory_kib(), running.cpu_s()
    done = calls.registrations(folder, 2 * RATE, sip_servers.USERS)
    used = running.cpu_s() - before
    grown = running.memory_kib() - memory
    highest = highest_rate(lambda rate: calls.registrations(folder, rate, rate * STEP_S))
    count = max(done["calls"], 1)
    return {
        "registration_cpu_ms": 1000 * used / count, "registration": done, "registration_kib": grown / count,
        "registrations_per_second": highest,
    }


def of_dialogs(running, folder, _speech):
    """Memory of calls that are up."""
    with calls.Callee(folder):
        calls.calls(folder, 20, 20)
        memory = running.memory_kib()
        under_way = threading.Thread(
            target=lambda: calls.calls(folder, RATE, DIALOGS, lasting_ms=1000 * DIALOGS_S)
        )
        under_way.start()
        time.sleep(DIALOGS / RATE + DIALOGS_S / 2)
        grown = running.memory_kib() - memory
        under_way.join()
    return {"dialog_kib": grown / DIALOGS}


def of_media(running, folder, speech):
    """CPU time of a second of a call whose media go through the server; a proxy carries none."""
    if running.name == "Kamailio":
        return {"media_cpu_ms": None}
    with calls.Callee(folder, echoes=True):
        under_way = threading.Thread(
            target=lambda: calls.calls(folder, MEDIA_CALLS, MEDIA_CALLS, 1000 * (MEDIA_S + 10), speech)
        )
        under_way.start()
        time.sleep(5)
        before = running.cpu_s()
        time.sleep(MEDIA_S)
        used = running.cpu_s() - before
        under_way.join()
    return {"media_cpu_ms": 1000 * used / (MEDIA_CALLS * MEDIA_S)}


def of_dialling(_running, _folder, _speech):
    """Added delay between dialling and the ring."""
    dialling.delays_ms(20)
    delays = dialling.delays_ms(PROBES)
    percentiles = statistics.quantiles(delays, n=100)
    return {"ring_p50_ms": percentiles[49], "ring_p99_ms": percentiles[98]}


MEASURES = {
    "calls": of_calls,
    "registrations": of_registrations,
    "dialogs": of_dialogs,
    "calls with media": of_media,
    "dialling": of_dialling,
}


def highest_rate(run):
    """The highest of the rates at which hardly any failed or was asked for twice."""
    carried = 0
    for rate in RATES:
        begun = time.monotonic()
        done = run(rate)
        is_late = time.monotonic() - begun > 2 * STEP_S + 1
        is_clean = done["failed"] <= FAILED_MAX * rate * STEP_S
        if not is_clean or done["retransmissions"] > RETRANSMITTED_MAX * done["calls"] or is_late:
            break
        carried = rate
    return carried


def figures(measured):
    """Each as (what, unit, key), with both values."""
    rows = [
        ("call, signalling alone: CPU", "ms", "call_cpu_ms"),
        ("calls a second, highest rate that is carried", "1/s", "calls_per_second"),
        ("call with media (PCMU ↔ PCMU), 50 calls: CPU per call-second", "ms", "media_cpu_ms"),
        ("added delay between dialling and ring, p50", "ms", "ring_p50_ms"),
        ("added delay between dialling and ring, p99", "ms", "ring_p99_ms"),
        ("registration with its challenge: CPU", "ms", "registration_cpu_ms"),
        ("registrations a second, highest rate that is carried", "1/s", "registrations_per_second"),
        ("memory per idle registration", "KiB", "registration_kib"),
        ("memory per dialog (a call that is up)", "KiB", "dialog_kib"),
    ]
    return [
        {"what": what, "unit": unit, "key": key, **{name: of[key] for name, of in measured.items()}}
        for what, unit, key in rows
    ]


def markdown(result):
    sip = result["signalling"]
    lines = [
        f"Taken on {result['date']} on the same machine: Kamailio {result['versions']['Kamailio']}, Webtrunk"
        f" {result['versions']['Webtrunk']}. Calls that failed at {RATE} a second: "
        + ", ".join(f"{of['call']['failed']} at {name}" for name, of in sip.items())
        + "; registrations: "
        + ", ".join(f"{of['registration']['failed']} at {name}" for name, of in sip.items())
        + ".",
        "",
        "![CPU, rates, delay and memory of both](compare-sip.svg)",
        "",
        "| | Kamailio | Webtrunk | ratio |",
        "|---|---|---|---|",
    ]
    for figure in result["signalling_figures"]:
        theirs, ours = figure["Kamailio"], figure["Webtrunk"]
        ratio = f"{ours / theirs:.2f}" if theirs and ours is not None else ""
        values = [shown(value, figure["unit"]) for value in (theirs, ours)]
        lines.append(f"| {figure['what']} | {values[0]} | {values[1]} | {ratio} |")
    return "\n".join(lines) + "\n"


def shown(value, unit):
    if value is None:
        return "n/a: carries no media"
    if unit == "1/s":
        return f"{value:,}" + (" or more" if value == RATES[-1] else "")
    return f"{value:,.2f} {unit}"
