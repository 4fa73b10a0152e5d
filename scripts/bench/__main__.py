"""Every stage of Webtrunk by criterion, and the whole process under calls, written into docs/PERFORMANCE.md.

Run by `make bench`. Takes about ten minutes once all is built; each half can be had alone, and rows of the whole
process beside another build of it, in turn, as ratios.
"""

import argparse
import datetime
import json
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The gateway as a process, and the load tester at work on it, are those of `make compare`.
sys.path.append(str(ROOT / "scripts/compare"))

import machine
import one_core
import report
import stages
import whole_process


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__.split("\n\n")[0])
    parser.add_argument("--target", type=pathlib.Path, default=ROOT / "target", metavar="FOLDER", help="cargo's")
    parser.add_argument("--seconds", type=int, default=12, help="for each row with all calls up (default: 12)")
    parser.add_argument("--only", choices=("stages", "process"), help="one half; the other's section stays")
    parser.add_argument("--rows", nargs="+", choices=whole_process.NAMES, metavar="ROW",
                        help="only print these rows of the whole process: " + ", ".join(whole_process.NAMES))
    parser.add_argument("--beside", type=pathlib.Path, metavar="FOLDER",
                        help="with --rows: other release binaries, measured in turn with these")
    parser.add_argument("--times", type=int, default=1, help="with --rows: how often (default: once)")
    arguments = parser.parse_args()
    binaries = arguments.target / "release"
    if arguments.rows:
        folders = [binaries, *filter(None, [arguments.beside])]
        return whole_process.print_rows(arguments.rows, folders, arguments.seconds, arguments.times)

    result = {"date": datetime.date.today().isoformat(), "machine": machine.read(), "load_average": []}
    if arguments.only != "process":
        result["stages"] = stages.run(arguments.target, result["load_average"])
        write(stages.markdown(result), stages.BEGIN, stages.END)
    result["floor_ms"] = stages.floor_ms(arguments.target)
    if arguments.only != "stages":
        result["load_average"] = [os.getloadavg()[0]]
        result["rows"] = whole_process.run(binaries, arguments.seconds, result["load_average"])
        result["one_core"] = one_core.run(binaries, arguments.seconds, result["load_average"], whole_process.SPEECH)
        write(whole_process.markdown(result), whole_process.BEGIN, whole_process.END)
    (arguments.target / "bench.json").write_text(json.dumps(result, indent=1) + "\n")


def write(text, begin, end):
    report.replace_section(ROOT / "docs/PERFORMANCE.md", text, begin, end)
    print(text)


main()
