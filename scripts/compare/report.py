"""What was measured, as figures with ratios, and as the section of docs/PERFORMANCE.md."""

# Row, what it is, how many of a hundred packets are lost, and how many in a row.
LOSSES = (
    ("loss-1", "1 % lost", 1, 1),
    ("loss-5", "5 % lost", 5, 1),
    ("loss-10", "10 % lost", 10, 1),
    ("loss-5-in-threes", "5 % lost, three in a row,", 5, 3),
)
BEGIN = "<!-- compare: from here to the end mark, `make compare` writes -->\n"
END = "<!-- compare: end -->\n"
# More than the last packets on their way, beside what is lost on purpose.
MISSING_MAX_PERCENT = 2
# At most; chosen by us, from what the codecs alone cost.
CPU_RATIO_WISHED = {"transcoded": 0.20, "passed-through": 0.35}
SET_UP_RATIO_WISHED = 0.85
STALL_MS = 300
CODECS = {"transcoded": "Opus DTLS-SRTP ↔ PCMU RTP", "passed-through": "PCMU DTLS-SRTP ↔ PCMU RTP"}
WAYS = {"to_phone": "to the phone", "to_caller": "to the caller"}
SENDERS = {"to_phone": "the caller", "to_caller": "the phone"}


def figures(rows):
    """Each as (what, unit, rtpengine's, Webtrunk's); where a figure could not be had, None."""
    found = []

    def add(what, unit, row, read, wished=None):
        values = {}
        for gateway, measured in rows[row].items():
            try:
                values[gateway] = read(measured)
            except TypeError:
                values[gateway] = None
        found.append({"what": what, "unit": unit, "row": row, "wished": wished, "overloaded": overloaded(rows[row]), **values})

    for row in ("transcoded-20", "transcoded-50", "passed-through-20", "passed-through-50"):
        kind, calls = row.rsplit("-", 1)
        title = f"{CODECS[kind]}, {calls} calls"
        cpu = lambda it: it["gateway"]["cpu_ms_per_call_second"]
        add(f"{title}: CPU per call-second", "ms", row, cpu, CPU_RATIO_WISHED[kind])
        add(f"{title}: memory per call", "KiB", row, lambda it: it["gateway"]["rss_per_call_kib"])
        for way, name in WAYS.items():
            for share in ("p50", "p99"):
                add(
                    f"{title}: added delay {name}, {share}", "ms", row,
                    lambda it, way=way, share=share: it[way]["gateway_delay"][f"{share}_ms"],
                )
            add(f"{title}: packets missing {name}", "%", row, lambda it, way=way: missing_percent(it[way]))
    for end in ("caller", "phone"):
        add(
            f"PCMU DTLS-SRTP ↔ PCMU RTP, rtpengine behind Kamailio: from INVITE to audio at the {end}, p50", "ms", "set-up-50",
            lambda it, end=end: it["setup"][f"first_audio_at_{end}"]["p50_ms"], SET_UP_RATIO_WISHED,
        )
    for way, name in WAYS.items():
        add(
            f"Opus DTLS-SRTP ↔ PCMU RTP, 20 calls: after a stall of {STALL_MS} ms, still late {name} for", "ms", "stalled-20",
            lambda it, way=way: it[way]["recovery_ms"]["median"],
        )
    for way, name in WAYS.items():
        add(f"level {name}, against what was said", "dB", "transcoded-20", lambda it, way=way: it[way]["gain_db"]["median"])
    for way, name in WAYS.items():
        for row, condition in pesq_rows(way):
            add(f"PESQ {name}, {condition}", "", row, lambda it, way=way: it[way]["pesq"]["median"])
    return found


def pesq_rows(way):
    yield "transcoded-20", "clean"
    for row, lost, _, _ in LOSSES:
        yield row, f"{lost} on {SENDERS[way]}'s way"


def missing_percent(direction):
    """By count and by the clock: rtpengine numbers what it sends on without a gap, whatever it dropped. What the
    load tester dropped on purpose is not missing, whether a gateway made something up for it or not."""
    missing = max(direction["sent"] - direction["received"], direction["missing_by_clock"]) - direction["dropped"]
    missing = max(missing, 0)
    return 100 * missing / max(direction["received"] + missing, 1)


def overloaded(row):
    """Who did not carry the calls: what it used for a part of them compares with nothing."""
    return [
        gateway
        for gateway, measured in row.items()
        if measured["calls"]["failed"] or max(missing_percent(measured[way]) for way in WAYS) > MISSING_MAX_PERCENT
    ]


def ratio(figure):
    """Webtrunk's share of rtpengine's, where that means something."""
    theirs, ours = figure["rtpengine"], figure["Webtrunk"]
    if figure["overloaded"] and figure["row"] != "set-up-50" and (figure["unit"] in ("ms", "KiB") or figure["row"].startswith("loss-")):
        return "overloaded: " + ", ".join(figure["overloaded"])
    if figure["unit"] not in ("ms", "KiB") or not theirs or ours is None:
        return ""
    wished = f" (wished: {figure['wished']:.2f})" if figure["wished"] else ""
    return (f"{ours / theirs:.3f}" if ours < 0.1 * theirs else f"{ours / theirs:.2f}") + wished


def markdown(result):
    machine, loads = result["machine"], result["load_average"]
    failed = [
        f"{measured['calls']['failed']} of {name} at {gateway}"
        for name, row in result["rows"].items()
        for gateway, measured in row.items()
        if measured["calls"]["failed"]
    ]
    lines = [
        f"Taken on {result['date']}: {machine['cores']} cores ({machine['cpu']}), Linux {machine['kernel']}, rtpengine"
        f" {result['versions']['rtpengine']}, Webtrunk {result['versions']['Webtrunk']}. The load average of the machine,"
        f" this run's own included, was {min(loads):.1f} to {max(loads):.1f}.",
        f"Calls that failed: {', '.join(failed) or 'none'}.",
        "",
        "![CPU, memory, delay and sound of both](compare.svg)",
        "",
        "| | rtpengine | Webtrunk | ratio |",
        "|---|---|---|---|",
    ]
    for figure in result["figures"]:
        values = [shown(figure[gateway], figure["unit"]) for gateway in ("rtpengine", "Webtrunk")]
        lines.append(f"| {figure['what']} | {values[0]} | {values[1]} | {ratio(figure)} |")
    lines += ["", *shares_table(result["shares"])]
    return "\n".join(lines) + "\n"


def shares_table(shares):
    """Where Webtrunk's CPU time goes, and what the largest of everything else are."""
    kinds = next(iter(shares.values()))["kinds"]
    yield "Of Webtrunk's CPU time, with 50 calls:"
    yield ""
    yield "| | " + " | ".join(kinds) + " | the largest of everything else |"
    yield "|---|" + "---|" * (len(kinds) + 1)
    for kind, found in shares.items():
        others = ", ".join(f"`{name}` {percent} %" for name, percent in found["others"].items())
        percents = " | ".join(f"{percent} %" for percent in found["kinds"].values())
        yield f"| {CODECS[kind]} | {percents} | {others} |"


def shown(value, unit):
    if value is None:
        return "not measured"
    digits = 0 if unit == "KiB" else 2
    return f"{value:,.{digits}f} {unit}".strip()


def replace_section(file, text, begin=BEGIN, end=END):
    before, _, rest = file.read_text().partition(begin)
    _, mark, after = rest.partition(end)
    if not mark:
        raise SystemExit(f"compare: {file} has no marks to write between: {begin.strip()} and {end.strip()}")
    file.write_text(f"{before}{begin}\n{text}\n{end}{after}")
