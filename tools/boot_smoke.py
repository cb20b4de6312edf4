#!/usr/bin/env python3
"""Machines on which the kernel can only just start, or not at all.

Either a shell runs a command, or the boot ends at once with one sentence that says what is missing.
Keys that are typed during the boot wait for the terminal."""

import os
import subprocess
import sys
from pathlib import Path

RUN = Path(__file__).with_name("run.py")
CANNOT_START = 123  # the status of run.py
SECONDS = 60

COMMAND = "echo a'live'; audit"
ALIVE = "alive\n0 differences\n"

NVME = " ".join(f"-device nvme,serial={name}" for name in "abc")

# (what the machine is, its settings, what stands in the sentence; "": it starts)
MACHINES = [
    ("16 MiB of memory", {"MEM": "16M"}, ""),
    ("12 MiB of memory", {"MEM": "12M"}, "MiB of memory"),
    ("7 MiB of memory", {"MEM": "7M"}, "MiB of memory"),
    ("3 MiB of memory", {"MEM": "3M"}, "MiB of memory"),
    ("1 MiB of memory", {"MEM": "1M"}, "MiB of memory"),
    ("firmware that reserves memory under the RAM disk", {"QEMUFLAGS": NVME}, ""),
    ("a CPU without 64-bit mode", {"CPU": "qemu32"}, "64-bit CPU"),
    ("a CPU without NX", {"CPU": "max,-nx"}, "NX"),
    ("a CPU without SYSCALL", {"CPU": "max,-syscall"}, "SYSCALL"),
    ("a CPU without a local APIC", {"CPU": "max,-apic"}, "local APIC"),
    ("no HPET", {"QEMUFLAGS": "-machine pc,hpet=off"}, ""),
]


def run(command, settings, keys=""):
    """Returns the status of run.py, and its output."""
    done = subprocess.run(
        [sys.executable, RUN, command], input=keys, env={**os.environ, **settings}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS,
    )  # fmt: skip
    return done.returncode, done.stdout


def report(what, is_true, output):
    print(f"{'ok' if is_true else 'not ok'} - {what}", flush=True)
    if not is_true:
        print("".join(f"# {line}\n" for line in output.splitlines()[-20:]), end="", flush=True)
    return is_true


def check_machine(what, settings, sentence):
    status, output = run(COMMAND, settings)
    if sentence:
        cannot = status == CANNOT_START and "cannot start" in output and sentence in output
        return report(f"{what}: the boot ends and says why", cannot, output)
    return report(f"{what}: a shell runs", status == 0 and ALIVE in output, output)


def check_keys():
    """Types before the terminal is there: a panic, before its thread read a ring."""
    status, output = run("cat", {}, "abc\003\032\034def\n")
    return report("control characters during the boot wait", status in (0, 130, 131), output)


def main():
    results = [check_machine(*machine) for machine in MACHINES]
    results.append(check_keys())
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
