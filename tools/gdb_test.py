#!/usr/bin/env python3
"""Checks the gdb commands in scripted sessions:  gdb_test.py [SESSION]...

Each session boots a machine under gdb, which runs tools/gdb/session.py, or the commands that a
document shows (tools/transcript.py). The output is `ok` and `not ok` lines, and their sum. Without
arguments, all sessions run, one after the other."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import machine
import transcript

TOOLS = Path(__file__).resolve().parent
TIMEOUT = 1200

DISK = ("-drive", "if=virtio,format=raw,file=null-co://")

# For each session: what Pagoda runs, the number of its CPUs, and devices.
SESSIONS = {
    "explain": ("/test/gdb_target", 1),
    "audit": ("/test/gdb_target", 1, *DISK),
    "foresee": ("/test/fault_outcomes; /test/cow_fork; /test/mmap_file; /test/stack_growth", 1),
    "follow": ("/test/gdb_target; cat /README", 1),
    "stations": ("/test/gdb_target", 1),
    "two_cpus": ("/test/gdb_threads", 2),
    "README.md": ("ls", 1),
    "docs/debugging.md": ("/test/gdb_target", 1),
}
# Before the commands of a document: to the place where `make debug` begins.
SETTINGS = ["set pagination off", "set confirm off", "set width 0"]
BEGINNING = ["thbreak fault_dispatch", "thbreak panic", "continue"]


def qemu_script(folder, command, cpus, *devices):
    """Writes a script that starts a machine which gdb drives by its standard input."""
    image = folder / "initrd.cpio"
    image.write_bytes(machine.initrd({"etc/run": command.encode() + b"\n"}))
    os.environ["CPUS"] = str(cpus)
    # The clock of one CPU counts instructions, so each run is the same, however slow gdb is.
    clock = ["-icount", "shift=3,sleep=off"] if cpus == 1 else []
    qemu = machine.qemu("-kernel", machine.KERNEL, "-initrd", image, "-append", "quiet events",
                        "-S", "-no-reboot", "-serial", "null", "-monitor", "none", "-gdb", "stdio",
                        *clock, *devices)
    words = " ".join(f"'{word}'" for word in qemu)
    script = folder / "qemu.sh"
    script.write_text(f"#!/bin/sh\nexec {words} 2>{folder}/qemu.log\n")
    return script


def gdb(arguments, text):
    """Returns what gdb says with these arguments, if it reads a text."""
    try:
        done = subprocess.run(["gdb", "-q", "-nx", *map(str, arguments), str(machine.KERNEL)],
                              input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=TIMEOUT)  # fmt: skip
        return done.stdout
    except subprocess.TimeoutExpired as late:
        said = (late.stdout or b"").decode(errors="replace")
        return f"{said}\nno answer within {TIMEOUT} seconds\n"


def run_script(name, qemu):
    """Runs a session of tools/gdb/session.py. Returns its result lines."""
    os.environ["PAGODA_QEMU"] = f"sh {qemu}"
    os.environ["PAGODA_SESSION"] = name
    said = gdb(["-batch", "-x", TOOLS / "gdb/pagoda.py", "-x", TOOLS / "gdb/session.py"], "")
    results = re.findall(r"^(?:not )?ok .*$", said, re.MULTILINE)
    if "session complete" not in said:
        results.append(f"not ok - gdb: the session {name} reaches its end")
    if any(line.startswith("not ok") for line in results):
        results += ["# " + line for line in said.splitlines()]
    return results


def run_document(name, qemu):
    """Runs the commands that a document shows. Returns result lines."""
    markdown, results = (TOOLS.parent / name).read_text(), []
    before = [*SETTINGS, f"target remote | sh {qemu}", *BEGINNING]
    said = gdb(["-x", TOOLS / "gdb/pagoda.py"], transcript.script(markdown, before))
    for is_good, what, text in transcript.compare(name, markdown, said):
        results.append(f"{'ok' if is_good else 'not ok'} - gdb: {what}")
        if not is_good:
            results += ["# " + line for line in text.splitlines()]
    return results


def run(name):
    """Runs a session. Returns its result lines."""
    with tempfile.TemporaryDirectory() as folder:
        qemu = qemu_script(Path(folder), *SESSIONS[name])
        return (run_document if name.endswith(".md") else run_script)(name, qemu)


def main():
    names = sys.argv[1:] or list(SESSIONS)
    if unknown := [name for name in names if name not in SESSIONS]:
        sys.exit(f"gdb_test.py: no session {', '.join(unknown)}. Choose from: "
                 f"{' '.join(SESSIONS)}")  # fmt: skip
    passed = failed = 0
    for name in names:
        results = run(name)
        print("\n".join(results), flush=True)
        passed += sum(line.startswith("ok ") for line in results)
        failed += sum(line.startswith("not ok ") for line in results)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
