#!/usr/bin/env python3
"""Opens gdb on a recorded run, and goes back and forth there:  travel.py RECORDING [ARGUMENT...]

The recording is one of `make record CPUS=1 OUT=FILE`. The machine begins anew with the same
command, and without other input. Its clock counts instructions, so the run repeats. gdb gets the
arguments; its commands goto, back and who are in tools/gdb/travel.py."""

import json
import mmap
import os
import shlex
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import machine
import record

TOOLS = Path(__file__).resolve().parent
POLL_SECONDS = 0.001


def described(path):
    """Returns what the run needs. Ends the program if it is not the one of the kernel now."""
    beside = Path(f"{path}.run")
    if not beside.exists():
        sys.exit(f"{beside} is missing: only a run on one CPU can be repeated.\n"
                 f"Next: make record CPUS=1 CMD='...' OUT={path}")  # fmt: skip
    run = json.loads(beside.read_text())
    os.environ.update(run["settings"])
    if record.identity(machine.KERNEL.read_bytes()) != run["kernel"]:
        sys.exit(f"{machine.KERNEL} is not the kernel that {path} was recorded with.\n"
                 "Next: build that one again (DEBUG=1 if it was a debug build), or record anew")
    return run


def image_of(run):
    """Returns the initial RAM disk of the run."""
    image = machine.initrd({"etc/run": run["command"].encode() + b"\n"})
    if record.identity(image) != run["initrd"]:
        sys.exit("The programs have changed since the recording was made: record anew")
    return image


class Reader(threading.Thread):
    """Takes the events from the ring, and forgets them, so that the kernel never waits."""

    def __init__(self, path):
        super().__init__(daemon=True)
        with open(path, "r+b") as file:
            self.ring = mmap.mmap(file.fileno(), record.RING_HEADER)

    def run(self):
        while True:
            made = struct.unpack_from("<Q", self.ring, record.RING_MADE)[0]
            struct.pack_into("<Q", self.ring, record.RING_READ, made)
            time.sleep(POLL_SECONDS)


def qemu_script(folder, image):
    """Writes a script that starts the machine of the recording, driven by gdb on its input."""
    initrd = folder / "initrd"
    initrd.write_bytes(image)
    os.environ.update(CPUS="1", DISK="")  # whatever make says for other machines
    ring = shlex.split(record.ring_flags(folder / "ring"))
    qemu = machine.qemu(
        "-kernel", machine.KERNEL, "-initrd", initrd,
        "-append", "quiet " + machine.setting("APPEND", ""), "-serial", f"file:{folder}/serial",
        "-monitor", "none", "-debugcon", f"file:{folder}/log", *machine.DEBUG_EXIT, "-no-reboot",
        "-vga", "none", *ring, *shlex.split(record.REPEATABLE), "-S", "-gdb", "stdio",
    )  # fmt: skip
    script = folder / "qemu.sh"
    script.write_text(f"#!/bin/sh\nexec {shlex.join(qemu)} 2>{folder}/qemu.log\n")
    return script


def main():
    if len(sys.argv) < 2:
        sys.exit("No recording is given. For example: make replay REC=fork.rec")
    path = Path(sys.argv[1])
    if not path.exists():
        sys.exit(f"there is no {path}")
    run = described(path)
    image = image_of(run)
    with tempfile.TemporaryDirectory(prefix="pagoda-") as name:
        folder = Path(name)
        record.start_ring(folder / "ring")
        Reader(folder / "ring").start()
        os.environ.update(PAGODA_QEMU=f"sh {qemu_script(folder, image)}",
                          PAGODA_RING=str(folder / "ring"), PAGODA_RECORDING=str(path.resolve()))
        status = subprocess.run(["gdb", "-q", str(machine.KERNEL), "-x", TOOLS / "gdb/pagoda.py",
                                 "-ex", "python travel.begin()", *sys.argv[2:]]).returncode
    sys.exit(status)


if __name__ == "__main__":
    main()
