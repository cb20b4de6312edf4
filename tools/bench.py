#!/usr/bin/env python3
"""Measures what virtual memory costs, in instructions:  bench.py [VMLINUZ]   (see user/vmbench.c)

Runs vmbench in Pagoda. If a Linux kernel is given, the same file also runs as the first process of
that kernel. The machine is the same: one CPU on which an instruction takes one nanosecond, so every
run gives the same numbers. Caches and TLB misses are not measured."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import machine

# QEMU counts each step of a `rep` instruction. On a CPU with ERMS or FSRM, Linux clears pages byte
# by byte, which would count 4096 instructions for a page, and not 512.
COUNTING = ["-icount", "shift=0,sleep=off", "-cpu", "max,-erms,-fsrm"]
SECONDS = 600


def figures(text):
    """Returns {what: instructions}, in the order of the lines."""
    lines = re.findall(r"^([a-z].*?) +(\d+)\r?$", text, re.M)
    return {what.strip(): int(number) for what, number in lines}


def on_pagoda(words=(), more_flags=""):
    """Runs vmbench with these arguments, on a machine with these further flags."""
    flags = " ".join([machine.setting("QEMUFLAGS", ""), *COUNTING, more_flags])
    environment = {**os.environ, "CPUS": "1", "QEMUFLAGS": flags}
    vmbench = " ".join(["vmbench", *words])
    command = [sys.executable, Path(__file__).with_name("run.py"), "--no-input", vmbench]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{done.stdout}vmbench ended with {done.returncode}")
    return figures(done.stdout)


def on_linux(kernel):
    """Runs vmbench as init. When it ends, Linux panics, and the machine resets."""
    os.environ["CPUS"] = "1"
    vmbench = (machine.BUILD / "root/bin/vmbench").read_bytes()
    with tempfile.NamedTemporaryFile() as initrd:
        initrd.write(machine.cpio({"init": vmbench}, mode=0o100755))
        initrd.flush()
        command = machine.qemu(
            "-kernel", kernel, "-initrd", initrd.name,
            "-append", "console=ttyS0 quiet mitigations=off init_on_alloc=0 panic=-1",
            "-serial", "stdio", "-monitor", "none", "-no-reboot", *COUNTING,
        )  # fmt: skip
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              timeout=SECONDS)  # fmt: skip
    found = figures(done.stdout)
    if not found:
        sys.exit(f"{done.stdout}Linux did not run vmbench; its output stands above")
    return found


def main():
    columns = {"Pagoda": on_pagoda()}
    if len(sys.argv) > 1:
        columns["Linux"] = on_linux(sys.argv[1])
    print(f"{'instructions':28}", *(f"{name:>10}" for name in columns))
    for what in columns["Pagoda"]:
        print(f"{what:28}", *(f"{column.get(what, ''):>10}" for column in columns.values()))


if __name__ == "__main__":
    main()
