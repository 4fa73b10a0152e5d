"""The figures as one picture: three panels of bars, and sound over loss as two panels of lines."""

from report import LOSSES, WAYS, pesq_rows

COLOURS = {"rtpengine": "#c2703d", "Webtrunk": "#2b6cb0"}
HEIGHT = 300
TOP, BOTTOM = 70, 250
PANEL, GAP = 200, 45
BAR = 0.4
FONT = 'font-family="sans-serif" font-size="12"'


def svg(result):
    value = {(figure["row"], figure["what"]): figure for figure in result["figures"]}

    def of(row, words):
        return next(it for (name, what), it in value.items() if name == row and words in what)

    bars = [
        ("CPU per call-second, ms", [
            ("Opus, 20", of("transcoded-20", "CPU")), ("Opus, 50", of("transcoded-50", "CPU")),
            ("PCMU, 50", of("passed-through-50", "CPU")),
        ]),
        ("memory per call, KiB", [
            ("Opus, 20", of("transcoded-20", "memory")), ("PCMU, 20", of("passed-through-20", "memory")),
        ]),
        ("added delay, p50, ms", [
            ("to phone", of("transcoded-20", "added delay to the phone, p50")),
            ("to caller", of("transcoded-20", "added delay to the caller, p50")),
        ]),
    ]
    parts = head(COLOURS, len(bars) + len(WAYS))
    for at, (title, groups) in enumerate(bars):
        parts += bar_panel(30 + at * (PANEL + GAP), title, groups)
    for at, (way, name) in enumerate(WAYS.items(), len(bars)):
        points = [of(row, f"PESQ {name}, {condition}") for row, condition in pesq_rows(way)]
        parts += line_panel(30 + at * (PANEL + GAP), f"PESQ {name}, by % lost", points)
    return "\n".join([*parts, "</svg>", ""])


def sip_svg(figures):
    """Signalling beside Kamailio: four panels of bars."""
    colours = {"Kamailio": "#c2703d", "Webtrunk": COLOURS["Webtrunk"]}
    of = {figure["key"]: figure for figure in figures}
    panels = [
        ("CPU, ms", [("call", of["call_cpu_ms"]), ("registration", of["registration_cpu_ms"])]),
        ("a second, at most", [("calls", of["calls_per_second"]), ("registrations", of["registrations_per_second"])]),
        ("added delay to the ring, ms", [("p50", of["ring_p50_ms"]), ("p99", of["ring_p99_ms"])]),
        ("memory, KiB", [("registration", of["registration_kib"]), ("dialog", of["dialog_kib"])]),
    ]
    parts = head(colours, len(panels))
    for at, (title, groups) in enumerate(panels):
        parts += bar_panel(30 + at * (PANEL + GAP), title, groups, colours)
    return "\n".join([*parts, "</svg>", ""])


def head(colours, panels):
    width = 20 + panels * (PANEL + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" role="img">',
        f'<rect width="{width}" height="{HEIGHT}" fill="white"/>',
    ]
    for at, (name, colour) in enumerate(colours.items()):
        parts.append(f'<rect x="{30 + 110 * at}" y="14" width="12" height="12" fill="{colour}"/>')
        parts.append(text(48 + 110 * at, 25, name, "start"))
    return parts


def bar_panel(x, title, groups, colours=COLOURS):
    parts = [text(x, TOP - 20, title, "start"), axis(x)]
    top = max(bar_heights(groups, colours), default=1)
    step = PANEL / len(groups)
    for at, (label, figure) in enumerate(groups):
        middle = x + step * (at + 0.5)
        parts.append(text(middle, BOTTOM + 18, label))
        for side, (gateway, colour) in enumerate(colours.items()):
            measured = figure[gateway]
            if measured is None or gateway in figure.get("overloaded", ()):
                parts.append(text(middle + (side - 0.5) * step * BAR, BOTTOM - 4, "–"))
                continue
            height = measured / top * (BOTTOM - TOP)
            left = middle + (side - 1) * step * BAR
            parts.append(
                f'<rect x="{left:.1f}" y="{BOTTOM - height:.1f}" width="{step * (BAR - 0.02):.1f}" height="{height:.1f}"'
                f' fill="{colour}"/>'
            )
            digits = 0 if measured >= 100 else 1 if measured >= 1 else 2
            parts.append(text(left + step * BAR / 2, BOTTOM - height - 4, f"{measured:.{digits}f}"))
    return parts


def bar_heights(groups, colours):
    for _, figure in groups:
        yield from (figure[it] for it in colours if figure[it] and it not in figure.get("overloaded", ()))


def line_panel(x, title, figures):
    """PESQ from 1 to 4.5, evenly spaced conditions; what is lost in a row stands beside the line."""
    parts = [text(x, TOP - 20, title, "start"), axis(x)]
    step = PANEL / len(figures)
    for score in (1, 2, 3, 4):
        parts.append(text(x - 6, height_of(score) + 4, str(score), "end"))
        parts.append(f'<path d="M{x} {height_of(score):.1f}h{PANEL}" stroke="#ddd"/>')
    rows = [(0, 1), *((percent, in_a_row) for _, _, percent, in_a_row in LOSSES)]
    for at, (percent, in_a_row) in enumerate(rows):
        label = str(percent) + (f" ×{in_a_row}" if in_a_row > 1 else "")
        parts.append(text(x + step * (at + 0.5), BOTTOM + 18, label))
    for gateway, colour in COLOURS.items():
        points = [
            (x + step * (at + 0.5), height_of(figure[gateway]), in_a_row)
            for at, (figure, (_, in_a_row)) in enumerate(zip(figures, rows))
            if figure[gateway] is not None
        ]
        path = " ".join(f"{left:.1f},{top:.1f}" for left, top, in_a_row in points if in_a_row == 1)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{left:.1f}" cy="{top:.1f}" r="3.5" fill="{colour}"/>' for left, top, _ in points]
    return parts


def height_of(score):
    return BOTTOM - (score - 1) / 3.5 * (BOTTOM - TOP)


def axis(x):
    return f'<path d="M{x} {BOTTOM}h{PANEL}" stroke="#444"/>'


def text(x, y, words, anchor="middle"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {FONT} fill="#222">{words}</text>'
