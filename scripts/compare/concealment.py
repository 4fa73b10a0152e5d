"""Lost packets of G.711, made up by Webtrunk, by spandsp and not at all: PESQ of each, beside the same speech.

spandsp's `plc.h` was written after ITU-T G.711 Appendix I; Debian's library is called as it is. All get the same packets
and the same losses, by seeds: nothing here depends on the machine. Run by `make compare`, with a Python that has the
package pesq.

usage: concealment.py EXAMPLE, the binary of codecs/examples/conceal.rs; prints JSON
"""

import ctypes
import json
import multiprocessing
import pathlib
import random
import subprocess
import sys
import tempfile

BEGIN = "<!-- compare of concealment: from here to the end mark, `make compare` writes -->\n"
END = "<!-- compare of concealment: end -->\n"
# Percent that are lost, and how many in a row.
LOSSES = ((1, 1), (5, 1), (10, 1), (5, 2), (5, 3), (10, 3))
WAYS = ("silence", "spandsp", "Webtrunk")
SEEDS = 6
PACKET = 160
RATE_HZ = 8000
# Two women and two men, by espeak-ng.
VOICES = ("en-us", "en-gb+f2", "en-us+m3", "en-gb+f4")
# Harvard sentences (IEEE 1969).
SENTENCES = (
    "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background."
    " It is easy to tell the depth of a well. These days a chicken leg is a rare dish.",
    "Rice is often served in round bowls. The juice of lemons makes fine punch."
    " The box was thrown beside the parked truck. Four hours of steady work faced us.",
)


def measure(python, example):
    """Figures, by the Python that scores."""
    done = subprocess.run([python, __file__, example], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def markdown(result):
    found = result["concealment"]
    lines = [
        f"Taken on {result['date']}: spandsp {found['spandsp']}; {len(VOICES)} voices of espeak-ng, {SEEDS} seeds each. PESQ"
        " (narrow band) is the mean; the last column is in how many tries Webtrunk's is the better one.",
        "",
        "| lost | nothing made up | spandsp | Webtrunk | better than spandsp's |",
        "|---|---|---|---|---|",
    ]
    for row in found["rows"]:
        means = " | ".join(f"{row['means'][way]:.2f}" for way in WAYS)
        in_a_row = f", {row['in_a_row']} in a row" if row["in_a_row"] > 1 else ""
        lines.append(f"| {row['percent']} %{in_a_row} | {means} | {row['better']} of {row['tries']} |")
    return "\n".join(lines) + "\n"


def speech(voice, text):
    said = subprocess.run(["espeak-ng", "-v", voice, "-s", "150", "--stdout", text], stdout=subprocess.PIPE, check=True)
    command = ["sox", "-t", "wav", "-", "-r", str(RATE_HZ), "-c", "1", "-t", "raw", "-e", "signed", "-b", "16", "-", "norm", "-6"]
    done = subprocess.run(command, input=said.stdout, stdout=subprocess.PIPE, check=True)
    return done.stdout[: len(done.stdout) // (2 * PACKET) * 2 * PACKET]


def losses(packets, percent, in_a_row, seed):
    """Of each packet whether it is lost. The first two are not."""
    dice, lost, left = random.Random(seed), [], 0
    for _ in range(packets):
        if left == 0 and dice.random() < percent / 100 / in_a_row:
            left = in_a_row
        lost.append(left > 0)
        left = max(left - 1, 0)
    return [False, False, *lost[2:]]


def webtrunk(example, said, lost):
    with tempfile.NamedTemporaryFile() as sound, tempfile.NamedTemporaryFile() as fates:
        sound.write(said)
        fates.write(bytes(b"01"[it] for it in lost))
        sound.flush()
        fates.flush()
        return subprocess.run([example, sound.name, fates.name], stdout=subprocess.PIPE, check=True).stdout


def spandsp(heard, lost):
    library = ctypes.CDLL("libspandsp.so.2")
    library.plc_init.restype = ctypes.c_void_p
    library.plc_init.argtypes = [ctypes.c_void_p]
    library.plc_free.argtypes = [ctypes.c_void_p]
    for step in (library.plc_rx, library.plc_fillin):
        step.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
    sound = ctypes.create_string_buffer(heard, len(heard))
    state = library.plc_init(None)
    for number, is_lost in enumerate(lost):
        at = ctypes.addressof(sound) + number * 2 * PACKET
        (library.plc_fillin if is_lost else library.plc_rx)(state, at, PACKET)
    library.plc_free(state)
    return sound.raw


def silence(heard, lost):
    packets = (heard[at : at + 2 * PACKET] for at in range(0, len(heard), 2 * PACKET))
    return b"".join(bytes(2 * PACKET) if is_lost else packet for packet, is_lost in zip(packets, lost))


def score(task):
    import numpy
    from pesq import pesq

    example, said, (percent, in_a_row), seed = task
    lost = losses(len(said) // (2 * PACKET), percent, in_a_row, seed)
    clean = webtrunk(example, said, [False] * len(lost))
    heard = {"silence": silence(clean, lost), "spandsp": spandsp(clean, lost), "Webtrunk": webtrunk(example, said, lost)}
    samples = lambda sound: numpy.frombuffer(sound, dtype="<i2")
    return {way: pesq(RATE_HZ, samples(said), samples(sound), "nb") for way, sound in heard.items()}


def main():
    example = pathlib.Path(sys.argv[1]).resolve()
    spoken = [speech(voice, SENTENCES[number // 2]) for number, voice in enumerate(VOICES)]
    rows = []
    with multiprocessing.Pool() as pool:
        for percent, in_a_row in LOSSES:
            tasks = [(example, said, (percent, in_a_row), seed) for said in spoken for seed in range(SEEDS)]
            scores = pool.map(score, tasks)
            rows.append({
                "percent": percent,
                "in_a_row": in_a_row,
                "means": {way: sum(it[way] for it in scores) / len(scores) for way in WAYS},
                "better": sum(it["Webtrunk"] > it["spandsp"] for it in scores),
                "tries": len(scores),
            })
    version = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "libspandsp2"], stdout=subprocess.PIPE, text=True)
    print(json.dumps({"spandsp": version.stdout or "of this system", "rows": rows}))


if __name__ == "__main__":
    main()
