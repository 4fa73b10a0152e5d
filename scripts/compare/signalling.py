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
import rates
import sip_servers

# Calls or registrations a second, and for how long: a rate that neither is near its end at.
RATE, RATE_S = 100, 8
# Where the searches for the highest rates begin and end.
RATES = (200, 300, 400, 500, 600, 800, 1000, 1200, 1500, 1800, 2200, 2600, 3000)
REGISTRATION_RATES = (*RATES, 3500, 4000, 5000, 6000, 7000, 8000, 10000, 12000, 15000, 20000)
MEDIA_RATES = (25, 50, 75, 100, 125, 150, 200, 250, *RATES[1:])
DIALOGS, DIALOGS_S = 300, 20
# A server may keep each request for 32 s, in case that it comes again (RFC 3261, timer J): then a registration is idle.
IDLE_S = 35
MEDIA_CALLS, MEDIA_S = 50, 20
# How long each call talks where calls with media are counted, and a rate that is near no end.
TALK_MS, MEDIA_RATE = 1000, 25
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
    """CPU time of a call that is begun, answered and ended soon, and the highest rate of them."""
    with calls.Callee(folder):
        calls.calls(folder, RATE, RATE)
        before = running.cpu_s()
        done = calls.calls(folder, RATE, RATE * RATE_S)
        used = running.cpu_s() - before
        highest, end = rates.highest(lambda rate: calls.calls(folder, rate, rate * rates.STEP_S), running, RATES)
    return {
        "call_cpu_ms": 1000 * used / max(done["calls"], 1), "call": done, "calls_per_second": highest, "calls_end": end,
    }


def of_registrations(running, folder, _speech):
    """CPU time of a registration with its challenge, memory of a binding, and the highest rate."""
    # What the process takes for the first of them, it does not take for each.
    calls.registrations(folder, RATE, 20)
    memory, before = running.memory_kib(), running.cpu_s()
    done = calls.registrations(folder, 2 * RATE, sip_servers.USERS)
    used = running.cpu_s() - before
    time.sleep(IDLE_S)
    grown = running.memory_kib() - memory
    register = lambda rate: calls.registrations(folder, rate, rate * rates.STEP_S)
    highest, end = rates.highest(register, running, REGISTRATION_RATES)
    count = max(done["calls"], 1)
    return {
        "registration_cpu_ms": 1000 * used / count, "registration": done, "registration_kib": grown / count,
        "registrations_per_second": highest, "registrations_end": end,
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
    """CPU time of a second of a call whose media go through the server, and of whole calls that come and go, and the
    highest rate of these; a proxy carries no media."""
    if running.name == "Kamailio":
        keys = ("media_cpu_ms", "media_call_cpu_ms", "media_calls_per_second", "media_calls_end")
        return dict.fromkeys(keys)
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
        talk = lambda rate, seconds: calls.calls(folder, rate, rate * seconds, TALK_MS, speech)
        talk(MEDIA_RATE, 1)
        before = running.cpu_s()
        done = talk(MEDIA_RATE, RATE_S)
        of_calls = running.cpu_s() - before
        highest, end = rates.highest(lambda rate: talk(rate, rates.STEP_S), running, MEDIA_RATES)
    return {
        "media_cpu_ms": 1000 * used / (MEDIA_CALLS * MEDIA_S),
        "media_call_cpu_ms": 1000 * of_calls / max(done["calls"], 1),
        "media_calls_per_second": highest, "media_calls_end": end,
    }


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


def figures(measured):
    """Each as (what, unit, key), with both values."""
    rows = [
        ("call, signalling alone: CPU", "ms", "call_cpu_ms"),
        ("calls a second, highest rate that is carried", "1/s", "calls_per_second"),
        ("call with media (PCMU ↔ PCMU), 50 calls: CPU per call-second", "ms", "media_cpu_ms"),
        ("call with media that talks for a second: CPU", "ms", "media_call_cpu_ms"),
        ("such calls a second, highest rate that is carried", "1/s", "media_calls_per_second"),
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
        end = SEARCHES.get(figure["key"])
        values = [
            shown(figure[name], figure["unit"], end is not None and of[end] is None) for name, of in sip.items()
        ]
        lines.append(f"| {figure['what']} | {values[0]} | {values[1]} | {ratio} |")
    ends = [
        rates.told(what, name, of[end])
        for end, what in ENDS.items()
        for name, of in sip.items()
        if of["media_cpu_ms"] is not None or end != "media_calls_end"
    ]
    lines += ["", "A rate was not carried for the first time: " + "; ".join(ends) + "."]
    return "\n".join(lines) + "\n"


def shown(value, unit, is_open):
    if value is None:
        return "n/a: carries no media"
    if unit == "1/s":
        return f"{value:,}" + (" or more" if is_open else "")
    return f"{value:,.2f} {unit}"


# By the figure of each search, where its end is; and what was counted.
SEARCHES = {
    "calls_per_second": "calls_end", "media_calls_per_second": "media_calls_end",
    "registrations_per_second": "registrations_end",
}
ENDS = {"calls_end": "calls", "media_calls_end": "calls with media", "registrations_end": "registrations"}
