"""The highest rate that a server carries: steps upwards until one is not carried, and who was at its end then."""

import collections
import concurrent.futures
import os
import pathlib
import time

from calls import CALLER_PORT
from sip_servers import CALLEE_PORT, PORT

# Each step takes so long, and is looked at once it is under way.
STEP_S = 4
LOOKED_AT_S = (1, 3.5)
# More of them failed or sent again than this, and the rate is no longer carried.
FAILED_MAX, RETRANSMITTED_MAX = 0.002, 0.02
# sipp signals in one thread: beyond this part of a core it is what bounds the rate, and so is a machine that is busy beyond
# this part of all it has.
BUSY = 0.9
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def highest(run, server, rates):
    """The highest of the rates at which hardly any failed or was asked for twice; and the end, which is the first that
    was not carried, or nothing where all were."""
    carried = 0
    for rate in rates:
        begun = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            under_way = pool.submit(run, rate)
            cores = cores_of(server)
            done = under_way.result()
        end = {"rate": rate, **done, **cores, "took_s": time.monotonic() - begun}
        if not is_carried(end):
            return carried, end
        carried = rate
    return carried, None


def is_carried(step):
    is_clean = step["failed"] <= FAILED_MAX * step["rate"] * STEP_S
    is_in_time = step["took_s"] <= 2 * STEP_S + 1
    return is_clean and is_in_time and step["retransmissions"] <= RETRANSMITTED_MAX * step["calls"]


def cores_of(server):
    """How many cores the server uses, all its processes together, the busiest of our sipps for signalling, and all there is;
    and how many messages were lost since the server's buffer was full, and since a sipp's was."""
    looks = []
    begun = time.monotonic()
    for at in LOOKED_AT_S:
        time.sleep(max(0, begun + at - time.monotonic()))
        looks.append((time.monotonic(), server.cpu_s(), sipps_s(), machine_s(), lost()))
    (first, of_server, of_sipps, of_all, lost_before), (last, of_server_then, of_sipps_then, of_all_then, lost_then) = looks
    sipps = [used - of_sipps[pid] for pid, used in of_sipps_then.items() if pid in of_sipps]
    return {
        "server_cores": (of_server_then - of_server) / (last - first),
        "sipp_cores": max(sipps, default=0) / (last - first),
        "machine_cores": (of_all_then - of_all) / (last - first),
        "server_lost": lost_then[PORT] - lost_before[PORT],
        # The caller's socket goes with it.
        "sipp_lost": sum(max(0, lost_then[port] - lost_before[port]) for port in (CALLEE_PORT, CALLER_PORT)),
    }


def sipps_s():
    """User and system time of the first thread of each sipp that this process runs: others carry media."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        try:
            name, _, rest = (entry / "task" / entry.name / "stat").read_text().rpartition(")")
        except OSError:
            continue
        fields = rest.split()
        if name.endswith("(sipp") and int(fields[1]) == os.getpid():
            found[entry.name] = (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND
    return found


def lost():
    """By port, the datagrams that its socket dropped since it was full."""
    found = collections.Counter()
    for line in pathlib.Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        found[int(fields[1].partition(":")[2], 16)] += int(fields[-1])
    return found


def machine_s():
    """The time that all cores were busy until now."""
    user, nice, system, _idle, _waiting, *interrupts = map(int, pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:8])
    return sum((user, nice, system, *interrupts)) / TICKS_A_SECOND


def told(what, name, end):
    """A clause of why a search came to its end."""
    if end is None:
        return f"{what} through {name} at no rate that was tried"
    why = [f"{end['failed']:,} of {end['rate'] * STEP_S:,} failed"] if end["failed"] else []
    why += [f"{end['retransmissions']:,} messages were sent again"] if end["retransmissions"] else []
    why += [f"{end['server_lost']:,} found the server's buffer full"] if end["server_lost"] else []
    why += [f"{end['sipp_lost']:,} found sipp's buffer full"] if end["sipp_lost"] else []
    cores = os.cpu_count()
    if end["sipp_cores"] >= BUSY or end["sipp_lost"] > end["server_lost"]:
        bound = "sipp was the bound"
    elif end["machine_cores"] >= BUSY * cores:
        bound = "the machine was full"
    else:
        bound = "the server was the bound"
    return (
        f"{what} through {name} at {end['rate']:,} a second ({', '.join(why) or 'too late'}; the server used"
        f" {end['server_cores']:.1f} cores, the busier sipp {end['sipp_cores']:.1f} to signal, everything"
        f" {end['machine_cores']:.1f} of {cores}: {bound})"
    )
