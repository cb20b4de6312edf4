#!/usr/bin/env python3
"""Checks time travel: a run is recorded, and gdb goes back and forth in it (travel.py).

Each step compares the event, with its time in instructions, with the recording. Prints TAP
lines."""

import os
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import machine

TOOLS = Path(__file__).resolve().parent
COMMAND = "ls /"
TIMEOUT = 1200
HEADER, RECORD = 4096, struct.Struct("<IIQBBHI5Q")  # include/pagoda/event.h
SETTINGS = ["set pagination off", "set confirm off", "set width 0"]
MARK = "next step"


def recorded(path):
    """Records the run. Returns how many events it has."""
    done = subprocess.run([sys.executable, TOOLS / "record.py", "-o", path, COMMAND],
                          capture_output=True, text=True, timeout=TIMEOUT)  # fmt: skip
    found = re.search(r"^(\d+) events;", done.stdout, re.M)
    if done.returncode or not found:
        sys.exit(f"not ok - travel: a run is recorded\n{done.stdout}{done.stderr}")
    return int(found[1])


def last_allocated(path, before):
    """Returns the frame that was allocated last before an event."""
    header = (TOOLS.parent / "include/pagoda/event.h").read_text()
    names = re.findall(r"^    X\((\w+),", header, re.M)
    kind = names.index("frame_alloc") + 1
    records = [*RECORD.iter_unpack(path.read_bytes()[HEADER:])][:before]
    return next(record[7] for record in reversed(records) if record[3] == kind)


def travelled(path, steps):
    """Types commands into gdb on the recording. Returns what it says to each."""
    lines = [*SETTINGS, *(line for step in steps for line in (f"echo \\n{MARK}\\n", step))]
    done = subprocess.run([sys.executable, TOOLS / "travel.py", path],
                          env={**os.environ, "DISK": "of-other-machines.img"},
                          input="\n".join([*lines, ""]), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT)  # fmt: skip
    return done.stdout.split(f"\n{MARK}\n")[1:]


def registers(said):
    return re.sub(r"^\(gdb\) *", "", said, flags=re.M)


def report(is_good, what, said):
    print(f"{'ok' if is_good else 'not ok'} - travel: {what}", flush=True)
    for line in said.splitlines() if not is_good else []:
        print(f"# {line}")
    return is_good


def main():
    os.environ["CPUS"] = "1"
    with tempfile.TemporaryDirectory(prefix="pagoda-") as name:
        path = Path(name) / "run"
        count = recorded(path)
        there = count - 2000
        frame = last_allocated(path, there)
        steps = [f"goto {there}", "info registers", "events", f"who {frame:#x}", "backtrace",
                 "back", f"goto {there}", "info registers", f"goto {count}", "help who",
                 "complete go"]  # fmt: skip
        said = travelled(path, steps)
        if len(said) != len(steps):
            report(False, "gdb takes all commands", "\n".join(said))
            sys.exit(1)
        went = re.search(rf"^(?:\(gdb\) )*(\d+) cpu 0 tid \d+ .*={frame:#x}\b", said[3], re.M)
        results = [
            report(re.search(rf"^(?:\(gdb\) )*{there} cpu 0 tid", said[0], re.M),
                   "goto comes to an event, at the instruction of the recording", said[0]),
            report(f"\n{there} cpu 0" in said[2], "events shows those before it", said[2]),
            report(went and int(went[1]) < there,
                   "who goes to the last change of a frame", said[3]),
            report(re.search(r"^#\d+ .* at (kernel|include)/(mm|vm|fs)/", said[4], re.M),
                   "the backtrace there shows who made it", said[4]),
            report(went and re.search(rf"^(?:\(gdb\) )*{int(went[1]) - 1} cpu 0", said[5], re.M),
                   "back goes to the event before", said[5]),
            report(registers(said[1]) == registers(said[7]) and "rip" in said[1],
                   "the registers are the same at the same event", said[1] + said[7]),
            report(f"the recording has events 0 to {count - 1}" in said[8],
                   "there is no event behind the end", said[8]),
            report("who ADDR|FRAME: goes to the last event" in said[9], "there is help", said[9]),
        ]  # fmt: skip
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
