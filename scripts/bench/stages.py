"""The stages by criterion: run, with progress, and their medians as a table."""

import json
import os
import re
import subprocess
import sys

BEGIN = "<!-- bench, stages: from here to the end mark, `make bench` writes -->\n"
END = "<!-- bench, stages: end -->\n"
COMMAND = ["cargo", "bench", "--locked", "--package", "webtrunk-benches"]
FLOOR = "floor opus {} and pcmu c{}"
WHOLE_PATH, REORDER = "packet path, 10 s of one direction/", "reorder/500 packets"
# What is done once for five hundred packets.
PACKETS = 500
MIXER = "mixer tick {}, {}"
TALKS = ("3 of 3 talk", "10 of 10 talk", "50 of 50 talk", "3 of 50 talk")
SRTP = ("Aes128CmHmacSha1_80", "AeadAes128Gcm", "AeadAes256Gcm")
# What the step is, the file of its benches, their names, and how many packets each of them is.
ROWS = (
    ("PCMU encode / decode, 20 ms", "codec", ("pcmu encode", "pcmu decode"), 1),
    ("PCMU conceal, 20 ms", "codec", ("pcmu conceal",), 1),
    ("G.722 at 16 kHz encode / decode / conceal", "codec", ("g722 encode 16k", "g722 decode 16k", "g722 conceal"), 1),
    ("Opus encode at 8 kHz, complexity 0 / 5 / 10, without FEC", "codec",
     tuple(f"opus encode 8k c{complexity} without fec" for complexity in (0, 5, 10)), 1),
    ("Opus encode at 8 kHz, complexity 5, FEC for 5 % loss", "codec", ("opus encode 8k c5",), 1),
    ("Opus encode at 48 kHz, complexity 0 / 5 / 10, without FEC", "codec",
     tuple(f"opus encode 48k c{complexity} without fec" for complexity in (0, 5, 10)), 1),
    ("Opus decode to 8 kHz, full band / narrow band", "codec",
     ("opus decode full band to 8k", "opus decode narrow band to 8k"), 1),
    ("Opus conceal / recover a packet, and decode the next", "codec",
     ("opus conceal and decode 8k", "opus recover and decode 8k"), 1),
    ("resample 48 to 8 kHz / 8 to 48 kHz", "codec", ("resample 48k to 8k", "resample 8k to 48k"), 1),
    ("listen for keys at 8 kHz, in speech / silence / a key", "codec",
     tuple(f"dtmf detect 8k in {what}" for what in ("speech", "silence", "a key")), 1),
    ("comfort noise at 8 kHz, make / tell silence from voice", "codec",
     ("comfort noise generate 8k", "comfort noise detect 8k"), 1),
    ("all codecs of a call, both directions, 20 ms, narrow-band Opus: complexity 0 / 5 / 10", "codec",
     tuple(FLOOR.format("narrow band", complexity) for complexity in (0, 5, 10)), 1),
    ("the same, full-band Opus", "codec", tuple(FLOOR.format("full band", complexity) for complexity in (0, 5, 10)), 1),
    ("SRTP protect, 160 bytes: CM_80 / GCM_128 / GCM_256", "srtp", tuple(f"srtp/protect/webtrunk/{it}" for it in SRTP), 1),
    ("SRTP unprotect, likewise", "srtp", tuple(f"srtp/unprotect/webtrunk/{it}" for it in SRTP), 1),
    ("the same by `rtc-srtp`, protect", "srtp", tuple(f"srtp/protect/rtc-srtp/{it}" for it in SRTP), 1),
    ("parse / write RTP header", "srtp", ("rtp/parse", "rtp/write_header"), 1),
    ("SIP: parse an INVITE / and read it / print it", "sip",
     ("sip/parse_invite", "sip/parse_and_read_invite", "sip/print_invite"), 1),
    ("SIP: take a REGISTER by digest, MD5 / SHA-256", "sip", ("digest/register_MD5", "digest/register_SHA-256"), 1),
    ("SDP: parse Chromium's offer / offer to answer", "sdp",
     ("sdp/parse a Chromium offer", "sdp/Chromium's offer text to our answer text"), 1),
    ("the whole path of a packet, WebRTC Opus to RTP PCMU / back (SRTP, reorder, transcode, stream)", "packet_path",
     (WHOLE_PATH + "WebRTC Opus -> RTP PCMU", WHOLE_PATH + "RTP PCMU -> WebRTC Opus"), PACKETS),
    ("reorder, a packet in order / of swapped neighbours", "packet_path",
     (f"{REORDER} in order", f"{REORDER}, neighbours swapped"), PACKETS),
    ("jitter buffer, a PCMU packet in and out / with decoding to a frame", "conference",
     ("jitter buffer insert and pull", "playout insert and pull frame, pcmu"), 1),
    ("mixer, a tick at 8 kHz: 3 / 10 / 50 parties, all talking / 3 of 50", "conference",
     tuple(MIXER.format("8 kHz", talk) for talk in TALKS), 1),
    ("the same at 16 kHz", "conference", tuple(MIXER.format("16 kHz", talk) for talk in TALKS), 1),
    ("the same, parties of 8, 16 and 48 kHz", "conference",
     tuple(MIXER.format("8, 16 and 48 kHz", talk) for talk in TALKS), 1),
)


def run(target, load_average):
    """Median times in ns, by the benches' names."""
    listed = subprocess.run([*COMMAND, "--", "--list"], stdout=subprocess.PIPE, text=True, check=True)
    count = sum(line.endswith(": benchmark") for line in listed.stdout.splitlines())
    running = subprocess.Popen([*COMMAND, "--", "--output-format", "bencher"], stdout=subprocess.PIPE, text=True)
    done = 0
    for line in running.stdout:
        if found := re.match(r"test (.*) \.\.\. bench:\s*(.*)", line):
            done += 1
            load_average.append(os.getloadavg()[0])
            print(f"bench: {done} of {count}: {found[1]}: {found[2]}", file=sys.stderr)
    if running.wait():
        sys.exit("bench: a bench failed")
    return medians_ns(target)


def medians_ns(target):
    """What criterion found last."""
    found = {}
    for file in (target / "criterion").glob("**/new/benchmark.json"):
        name = json.loads(file.read_text())["full_id"]
        found[name] = json.loads((file.parent / "estimates.json").read_text())["median"]["point_estimate"]
    return found


def floor_ms(target):
    """A second of a call's bare codecs, by complexity, as they were measured last."""
    medians = medians_ns(target)
    return {
        complexity: medians[name] * 50 / 1e6
        for complexity in (0, 5, 10)
        if (name := FLOOR.format("narrow band", complexity)) in medians
    }


def markdown(result):
    loads, medians = result["load_average"], result["stages"]
    lines = [
        f"Taken on {result['date']}: {result['machine']['cores']} cores ({result['machine']['cpu']}), Linux"
        f" {result['machine']['kernel']}. The load average of the machine, this run's own included, was"
        f" {min(loads):.1f} to {max(loads):.1f}. Medians.",
        "",
        "| step | time | bench |",
        "|---|---|---|",
    ]
    for step, file, names, packets in ROWS:
        missing = [name for name in names if name not in medians]
        if missing:
            sys.exit(f"bench: no such bench: {', '.join(missing)}; name it in scripts/bench/stages.py as it is called now")
        lines.append(f"| {step} | {shown([medians[name] / packets for name in names])} | `{file}` |")
    return "\n".join(lines) + "\n"


def shown(times_ns):
    """All in the unit of the longest."""
    unit, ns = next(it for it in (("ms", 1e6), ("µs", 1e3), ("ns", 1)) if max(times_ns) >= it[1] or it[1] == 1)
    return " / ".join(rounded(time / ns) for time in times_ns) + f" {unit}"


def rounded(number):
    return f"{number:.0f}" if number >= 30 else f"{number:.1f}" if number >= 3 else f"{number:.2f}"
