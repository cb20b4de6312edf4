#!/usr/bin/env python3
"""Compiles lua by tcc on a disk of Pagoda:  compiler_test.py DIRECTORY

The directory is what tools/compiler_disk.sh has made. Its copy on an ext2 is the disk. Afterwards
e2fsck must find nothing. If this machine lets us change the root directory, tcc compiles lua here,
too, and both programs must have the same bytes."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import disks
import machine

RUN = Path(__file__).with_name("run.py")
SECONDS = 1200


def on_pagoda(directory, scratch):
    """Returns the bytes of the program that tcc makes on a disk with the directory's files."""
    image = scratch / "disk.img"
    subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext2", "-d", directory, image, "32M"],
                   check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    subprocess.run([sys.executable, RUN, "--no-input", "sh /disk/lua/compile && halt"],
                   env={**os.environ, "DISK": str(image)}, check=True, timeout=SECONDS)  # fmt: skip
    if problem := disks.ext2_problem(image):
        sys.exit(f"{problem}not ok - the disk is whole afterwards")
    return subprocess.run(["/sbin/debugfs", "-R", "cat lua/lua", image], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout  # fmt: skip


def on_linux(directory, scratch):
    """Returns the bytes of the program that tcc makes here, where the directory is at /disk."""
    root = scratch / "root"
    shutil.copytree(directory, root / "disk")
    sources = sorted(path.name for path in (root / "disk/lua").glob("*.c"))

    def enter():
        os.chroot(root)
        os.chdir("/disk/lua")

    subprocess.run(["/disk/tcc/tcc", "-static", "-DLUA_USE_POSIX", "-o", "lua", *sources, "-lm"],
                   preexec_fn=enter, check=True, timeout=SECONDS)  # fmt: skip
    return (root / "disk/lua/lua").read_bytes()


def main():
    directory = Path(sys.argv[1])
    (machine.BUILD / "scratch").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=machine.BUILD / "scratch") as name:
        ours = on_pagoda(directory, Path(name))
        if os.geteuid():
            print("ok - tcc on a disk compiles lua # SKIP a comparison needs root")
            return
        same = ours == on_linux(directory, Path(name))
    print(f"{'ok' if same else 'not ok'} - tcc on a disk compiles lua to the bytes of Linux")
    sys.exit(not same)


if __name__ == "__main__":
    main()
