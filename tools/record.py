#!/usr/bin/env python3
"""Records all events of a run, and checks the recording:
    record.py [-o FILE] COMMAND
    record.py [-o FILE] --session SECONDS

Runs a command in Pagoda as run.py does, or a random session at the terminal (session.py). All
events of the memory system come out of the machine through a ring in a file that both share, and
build/replay reads them. Each must fit those before. The memory that they rebuild must be that of
the machine at its end, which is a file, too. With -o, the recording is kept.

A recording that is kept, of a command on one CPU, can be repeated to the instruction (travel.py):
the machine gets no input, and its clock counts instructions. FILE.run says what the run needs.

Standard output has that of the command, and then the lines of build/replay. The status is the
command's, or 1 if the recording is wrong. docs/recording.md tells the format."""

import argparse
import contextlib
import hashlib
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import machine

TOOLS = Path(__file__).resolve().parent
REPLAY = machine.BUILD / "replay"

# The ring: a header of a page, and slots of 64 bytes. QEMU wants a power of two for the whole.
SLOTS = 1 << 17
RING_BYTES = 16 << 20
RING_HEADER = 4096
# Where its header counts the records that are made, and those that are read (struct recording).
RING_MADE, RING_READ = 128, 192


# Nothing that the host does makes a difference to such a machine.
REPEATABLE = "-icount shift=0,sleep=off -rtc base=2026-01-01,clock=vm -seed 1"
# The settings that the machine of a recording had.
SETTINGS = ("MEM", "CPU", "APPEND", "QEMUFLAGS", "PAGODA_ARCHIVES")


def is_repeatable(copy):
    """Returns true if a run is made so that it can be repeated: it is kept, and has one CPU."""
    return bool(copy) and machine.setting("CPUS", "1") == "1" and machine.setting("KVM", "") != "1"


def start_ring(path):
    """Makes an empty ring: the magic, the version, and the slots (pagoda/event.h)."""
    path.write_bytes(struct.pack("<8sIIQ", b"PAGODAEV", 1, 0, SLOTS))
    os.truncate(path, RING_BYTES)


def ring_flags(path):
    """Returns QEMU's arguments for the device through which the kernel sees the ring."""
    return (f"-object memory-backend-file,id=ring,size={RING_BYTES},mem-path={path},share=on "
            f"-device ivshmem-plain,memdev=ring")  # fmt: skip


def identity(data):
    return hashlib.sha256(data).hexdigest()


def describe(command):
    """Returns what a run needs to be repeated."""
    return {"command": command, "kernel": identity(machine.KERNEL.read_bytes()),
            "initrd": identity(machine.initrd({"etc/run": command.encode() + b"\n"})),
            "settings": {name: machine.setting(name, "") for name in SETTINGS}}  # fmt: skip


class Recorder:
    """The files through which a machine is recorded, and the process that reads them."""

    def __init__(self, directory, copy=None, clock=""):
        self.ring, self.memory = directory / "ring", directory / "memory"
        start_ring(self.ring)
        self.clock = clock
        command = [REPLAY, "--ring", "--memory", self.memory, *(["--copy", copy] if copy else [])]
        self.reader = subprocess.Popen([*command, self.ring], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)  # fmt: skip

    def flags(self):
        """Returns QEMU's arguments for a machine whose memory and whose ring are files."""
        size = machine.setting("MEM", "128M")
        if not re.fullmatch(r"\d+[KMG]?", size, re.IGNORECASE):
            sys.exit(f"MEM={size} is no size")
        return (f"-object memory-backend-file,id=ram,size={size},mem-path={self.memory},share=on "
                f"-machine memory-backend=ram {ring_flags(self.ring)} "
                f"{self.clock} {machine.setting('QEMUFLAGS', '')}")

    def finish(self):
        """Lets the reader compare, when the machine has ended. Returns (its status, its words)."""
        said, _ = self.reader.communicate()
        return self.reader.returncode, said


@contextlib.contextmanager
def workplace():
    """Makes a directory for files that are as large as the machine's memory."""
    where = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="pagoda-", dir=where) as name:
        yield Path(name)


def record(tool, directory, copy=None, settings=None, clock="", **options):
    """Runs a tool, with its arguments, on a machine that is recorded.

    Returns (its finished process, the status of replay, its words)."""
    recorder = Recorder(directory, copy, clock)
    environment = {**os.environ, **(settings or {}), "QEMUFLAGS": recorder.flags()}
    try:
        name, *arguments = map(str, tool)
        run = subprocess.run([sys.executable, TOOLS / name, *arguments],
                             env=environment, check=False, **options)  # fmt: skip
    finally:
        wrong, said = recorder.finish()
    return run, wrong, said


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", dest="copy")
    parser.add_argument("--session", type=float)
    parser.add_argument("words", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    command = " ".join(options.words) or machine.setting("PAGODA_CMD", "")
    tool = ["run.py", command]
    if options.session:
        tool = ["session.py", "-t", options.session]
    elif not command:
        sys.exit("No command is given. For example: make record CMD='ls | wc' OUT=ls.rec")
    with workplace() as directory:
        is_kept = is_repeatable(options.copy) and not options.session
        if is_kept:
            tool.insert(1, "--no-input")
        clock = REPEATABLE if is_kept else ""
        run, wrong, said = record(tool, directory, options.copy, clock=clock)
    if is_kept:
        Path(f"{options.copy}.run").write_text(json.dumps(describe(command), indent=1) + "\n")
    print(said, end="")
    sys.exit(run.returncode or wrong)


if __name__ == "__main__":
    main()
