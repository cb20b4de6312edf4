#!/usr/bin/env python3
"""Measures reads and writes of a file on a disk, beside Linux:  disk_bench.py VMLINUZ MODULES

Runs user/diskbench.c in Pagoda, and as the first process of a Linux, on equal machines with equal
images of ext2. In memory it counts instructions, which repeat. The bandwidth is that of this host
at this time, so only the two columns compare."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import disks
import machine
from bench import COUNTING, figures

RUN = Path(__file__).with_name("run.py")
SECONDS = 600


def on_pagoda(words, flags):
    settings = {"CPUS": "1", "QEMUFLAGS": " ".join(flags)}
    done = subprocess.run(
        [sys.executable, RUN, "--no-input", " ".join(["diskbench", *words])],
        env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True, timeout=SECONDS,
    )  # fmt: skip
    return done.stdout


def on_linux(words, flags, kernel, modules):
    """The arguments behind `--` are those of the first process."""
    files = {"init": (machine.BUILD / "root/bin/diskbench").read_bytes()}
    files["modules"] = None
    for module in sorted(Path(modules).iterdir()):
        files[f"modules/{module.name}"] = module.read_bytes()
    with tempfile.NamedTemporaryFile() as initrd:
        initrd.write(archive(files))
        initrd.flush()
        command = machine.qemu(
            "-kernel", kernel, "-initrd", initrd.name, "-append",
            "console=ttyS0 quiet mitigations=off init_on_alloc=0 panic=-1 -- " + " ".join(words),
            "-serial", "stdio", "-monitor", "none", "-no-reboot", *flags,
        )  # fmt: skip
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              timeout=SECONDS)  # fmt: skip
    return done.stdout


def archive(files):
    """Returns a cpio archive of executable files; one without bytes is a directory."""
    parts = [machine.cpio_entry(name, 0o40755 if data is None else 0o100755, data or b"", n + 1)
             for n, (name, data) in enumerate(files.items())]  # fmt: skip
    return b"".join(parts) + machine.cpio_entry("TRAILER!!!", 0, b"", 0)


def measure(run, words, flags, *more):
    """Returns the figures of a run with a new disk."""
    (machine.BUILD / "scratch").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=machine.BUILD / "scratch") as directory:
        image = Path(directory) / "disk.img"
        disks.make_ext2(image, "64M")
        os.environ.update(DISK=str(image), CPUS="1")
        output = run(words, flags, *more)
    found = figures(output)
    if not found:
        sys.exit(f"{output}diskbench did not run; its output stands above")
    return found


def main():
    os.environ["QEMUFLAGS"] = ""
    print(f"{'':30}{'Pagoda':>10}{'Linux':>10}")
    for words, flags in (([], COUNTING), (["bandwidth"], [])):
        columns = [measure(on_pagoda, words, flags), measure(on_linux, words, flags, *sys.argv[1:])]
        for what in columns[0]:
            print(f"{what:30}", *(f"{column.get(what, ''):>9}" for column in columns))


if __name__ == "__main__":
    main()
