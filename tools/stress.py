#!/usr/bin/env python3
"""Runs many threads and processes at once in Pagoda:  stress.py [-t SECONDS] [-s SEED]

The machine has CPUS processors. A seed repeats what the programs do, though not the order in which
their threads run. The jobs have files on a disk, too. Afterwards the memory in use is compared
with that before, all references are counted (test/user/stress/stress.c), and e2fsck must find
nothing."""

import argparse
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import disks
import machine

SILENCE = 400  # seconds; a period of stress.c is shorter even on a busy host


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-t", "--seconds", type=int, default=60)
    parser.add_argument("-s", "--seed", type=int, default=random.randrange(2**32))
    options = parser.parse_args()
    limit = options.seconds + SILENCE
    print(f"CPUS={machine.setting('CPUS', '1')} SEED={options.seed}", flush=True)
    command = (f"export STRESS_SECONDS={options.seconds} TEST_SEED={options.seed}; "
               "export STRESS_DIRECTORY=/disk/stress; umount /disk; "
               f"/test/runtests -t {limit} stress")  # fmt: skip
    (machine.BUILD / "scratch").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=machine.BUILD / "scratch") as directory:
        image = Path(directory) / "disk.img"
        disks.make_ext2(image, "64M", random.Random(options.seed).choice([1024, 2048, 4096]))
        settings = {"TIMEOUT": str(limit + SILENCE), "DISK": str(image)}
        done = subprocess.run(
            [sys.executable, machine.TOOLS / "run.py", "--no-input", "--silence", str(SILENCE),
             command], env={**os.environ, **settings}, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        problem = disks.ext2_problem(image)
    if problem:
        print(f"{problem}not ok - the disk is whole afterwards")
    sys.exit(done.returncode or bool(problem))


if __name__ == "__main__":
    main()
