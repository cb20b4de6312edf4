#!/usr/bin/env python3
"""Records all events of a run, and checks the recording:
    record.py [-o FILE] COMMAND
    record.py [-o FILE] --session SECONDS

Runs a command in Pagoda as run.py does, or a random session at the terminal (session.py). All
events of the memory system come out of the machine through a ring in a file that both share, and
build/replay reads them. Each must fit those before. The memory that they rebuild must be that of
the machine at its end, which is a file, too. With -o, the recording is kept.

Standard output has that of the command, and then the lines of build/replay. The status is the
command's, or 1 if the recording is wrong. docs/recording.md tells the format."""

import argparse
import contextlib
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


class Recorder:
    """The files through which a machine is recorded, and the process that reads them."""

    def __init__(self, directory, copy=None):
        """Makes an empty ring: the magic, the version, and the slots (pagoda/event.h)."""
        self.ring, self.memory = directory / "ring", directory / "memory"
        self.ring.write_bytes(struct.pack("<8sIIQ", b"PAGODAEV", 1, 0, SLOTS))
        os.truncate(self.ring, RING_BYTES)
        command = [REPLAY, "--ring", "--memory", self.memory, *(["--copy", copy] if copy else [])]
        self.reader = subprocess.Popen([*command, self.ring], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)  # fmt: skip

    def flags(self):
        """Returns QEMU's arguments for a machine whose memory and whose ring are files."""
        size = machine.setting("MEM", "128M")
        if not re.fullmatch(r"\d+[KMG]?", size, re.IGNORECASE):
            sys.exit(f"MEM={size} is no size")
        return (f"-object memory-backend-file,id=ram,size={size},mem-path={self.memory},share=on "
                f"-machine memory-backend=ram -object memory-backend-file,id=ring,"
                f"size={RING_BYTES},mem-path={self.ring},share=on "
                f"-device ivshmem-plain,memdev=ring {machine.setting('QEMUFLAGS', '')}")

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


def record(tool, directory, copy=None, settings=None, **options):
    """Runs a tool, with its arguments, on a machine that is recorded.

    Returns (its finished process, the status of replay, its words)."""
    recorder = Recorder(directory, copy)
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
        run, wrong, said = record(tool, directory, options.copy)
    print(said, end="")
    sys.exit(run.returncode or wrong)


if __name__ == "__main__":
    main()
