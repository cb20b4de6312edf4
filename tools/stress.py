#!/usr/bin/env python3
"""Runs many threads and processes at once in Pagoda:  stress.py [-t SECONDS] [-s SEED]

The machine has CPUS processors. A seed repeats what the programs do, though not the order in which
their threads run. Afterwards the memory in use is compared with that before, and all references are
counted (test/user/stress/stress.c)."""

import argparse
import os
import random
import subprocess
import sys

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
               f"/test/runtests -t {limit} stress")  # fmt: skip
    settings = {"TIMEOUT": str(limit + SILENCE)}
    done = subprocess.run(
        [sys.executable, machine.TOOLS / "run.py", "--no-input", "--silence", str(SILENCE),
         command], env={**os.environ, **settings}, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
