"""Where the CPU time of Webtrunk's calls goes: codec, SRTP, system calls, everything else.

`perf` samples the process while a load is on; each sample counts for the function that ran. What libopus
defines is codec, as its library tells; all else goes by the names of crates.
"""

import collections
import pathlib
import re
import subprocess
import sys

FREQUENCY_HZ = 997
# While all calls are up: after connecting and dialling ten a second, and before the end.
BEGIN_AFTER_S, LASTS_S = 9, 10
KINDS = ("codec", "SRTP", "system calls", "everything else")
SRTP = re.compile(r"webtrunk_engine::srtp|\b(aes|ctr|cipher|sha1|hmac|ghash|polyval|ring)::|^(aes|gcm|ghash|sha1|ring|OPENSSL)_")


def record(pid, folder):
    """Starts to sample; the caller lets the load run meanwhile, and then asks for `read`."""
    command = (
        f"sleep {BEGIN_AFTER_S} && exec perf record --quiet -e cpu-clock -F {FREQUENCY_HZ} -p {pid}"
        f" -o {folder}/samples -- sleep {LASTS_S}"
    )
    return subprocess.Popen(["sh", "-c", command])


def read(folder, libopus):
    """Shares by kind, and of everything else the largest by what it is, in percent."""
    done = subprocess.run(
        ["perf", "script", "-i", f"{folder}/samples", "-F", "ip,sym,dso"], capture_output=True, text=True, check=True
    )
    counts, others = collections.Counter(), collections.Counter()
    for line in done.stdout.splitlines():
        found = re.match(r"\s*[0-9a-f]+ (.*) \((.*)\)$", line)
        if not found:
            continue
        symbol, library = found.groups()
        kind = kind_of(symbol, library, libopus)
        counts[kind] += 1
        if kind == KINDS[3]:
            others[origin_of(symbol, library)] += 1
    total = counts.total()
    if not total:
        sys.exit("compare: perf took no sample")
    percent = lambda count: round(100 * count / total, 1)
    return {
        "samples": total,
        "kinds": {kind: percent(counts[kind]) for kind in KINDS},
        "others": {name: percent(count) for name, count in others.most_common(6)},
    }


def kind_of(symbol, library, libopus):
    if library.startswith("[") and not library.startswith("[vdso"):
        return "system calls"
    if symbol.split(".")[0] in libopus or "webtrunk_codecs::" in symbol:
        return "codec"
    return "SRTP" if SRTP.search(symbol) else "everything else"


def origin_of(symbol, library):
    """A module of ours, another's crate, or a library."""
    crate = re.search(r"[a-z0-9_]+(?:::[a-z0-9_]+)*", symbol.lstrip("<"))
    if not library.endswith("/webtrunk") or "::" not in symbol or not crate:
        return pathlib.Path(library).name
    parts = crate[0].split("::")
    return "::".join(parts[:2] if parts[0].startswith("webtrunk_") else parts[:1])


def libopus_symbols(binaries):
    """What the static library of the build defines."""
    libraries = list(binaries.glob("build/*/out/**/libopus.a"))
    if not libraries:
        sys.exit(f"compare: no libopus.a under {binaries}/build, by which its functions are known")
    done = subprocess.run(["nm", "--defined-only", libraries[0]], capture_output=True, text=True, check=True)
    return {line.split()[2] for line in done.stdout.splitlines() if len(line.split()) == 3}
