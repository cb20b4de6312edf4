#!/usr/bin/env python3
"""Looks at a disk after Pagoda has halted:  halt_test.py

A file is copied onto the disk, and two processes change it through mappings at once. After `halt`,
debugfs reads it on this machine. It must be right byte for byte, and e2fsck must find nothing."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import disks
import machine

RUN = Path(__file__).with_name("run.py")
SECONDS = 600

COPIED = "test/stress"
CHUNK, CHANGERS = 100, 2  # test/user/file/mapped_changes.c has these numbers, too
COMMAND = f"cp /{COPIED} /disk/copy && /test/mapped_changes /disk/copy && halt"


def changed(data):
    """Returns what test/user/file/mapped_changes.c makes of these bytes."""
    return bytes((byte + at // CHUNK % CHANGERS + 1) & 0xFF for at, byte in enumerate(data))


def problem_of(directory, cpus):
    """Returns what goes wrong on so many CPUs; "" if nothing does."""
    image = Path(directory) / "disk.img"
    disks.make_ext2(image, "64M")
    done = subprocess.run(
        [sys.executable, RUN, "--no-input", COMMAND], text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=SECONDS,
        env={**os.environ, "CPUS": str(cpus), "DISK": str(image)},
    )  # fmt: skip
    if done.returncode:
        return done.stdout
    found = subprocess.run(["/sbin/debugfs", "-R", "cat copy", image], stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL).stdout  # fmt: skip
    if found != changed((machine.BUILD / "root" / COPIED).read_bytes()):
        return f"the file on the disk is not right; it has {len(found)} bytes"
    return disks.ext2_problem(image)


def check(cpus):
    (machine.BUILD / "scratch").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=machine.BUILD / "scratch") as directory:
        problem = problem_of(directory, cpus)
    print("".join(f"# {line}\n" for line in problem.splitlines()[-60:]), end="")
    how = "not ok" if problem else "ok"
    print(f"{how} - after halt, the disk has what was mapped and changed, CPUS={cpus}", flush=True)
    return not problem


if __name__ == "__main__":
    sys.exit(not all([check(cpus) for cpus in (1, 2, 4)]))
