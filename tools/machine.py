"""The virtual machine, for run.py, iso_smoke.py and other tools: its QEMU command line from the settings of
the Makefile (in the environment), the initial RAM disk, and what the debug port says of how it ended."""

import os
import re
import shlex
import subprocess
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
BUILD = TOOLS.parent / "build"
KERNEL = BUILD / "pagoda.elf"
ISO = BUILD / "pagoda.iso"

# What QEMU's isa-debug-exit makes of the kernel's 0x10 and 0x11 (kernel/arch/power.c).
QEMU_END, QEMU_PANIC = 33, 35


def setting(name, default):
    return os.environ.get(name) or default


OVMF = setting("OVMF", "/usr/share/ovmf/OVMF.fd")


def qemu(*arguments):
    """The command for a machine with these arguments; the user's come last, so that they win."""
    kvm = setting("KVM", "") == "1"
    command = [setting("QEMU", "qemu-system-x86_64"), *(["-accel", "kvm"] if kvm else [])]
    command += ["-m", setting("MEM", "128M"), "-smp", setting("CPUS", "1")]
    command += ["-cpu", setting("CPU", "host" if kvm else "max")]
    command += ["-display", "none", "-nic", "none", *map(str, arguments)]
    return command + shlex.split(setting("QEMUFLAGS", ""))


def cpio_entry(name, mode, data, inode):
    """One file in the format `newc`: a header of 13 numbers, the name and the data, each padded to 4 bytes."""
    name = name.encode() + b"\0"
    numbers = [inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0]
    head = b"070701" + b"".join(b"%08X" % n for n in numbers) + name
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def cpio(files, mode=0o100644):
    """An archive of regular files: {name: bytes}."""
    parts = [cpio_entry(name, mode, data, i + 1) for i, (name, data) in enumerate(files.items())]
    return b"".join(parts) + cpio_entry("TRAILER!!!", 0, b"", 0)


def initrd(files):
    """The root file system, /test, what EXTRA adds, and `files`: archives behind each other."""
    parts = [(BUILD / name).read_bytes() for name in ("initrd.cpio", "test.cpio", "extra.cpio")]
    return b"".join(part + bytes(-len(part) % 4) for part in [*parts, cpio(files)])


def exit_status(log):
    """The status in the last line of the debug port's log, or None if the kernel did not get so far."""
    found = re.search(r"(?:^|\n)exit status (\d+)\n\Z", log)
    return int(found[1]) if found else None


def symbol_near(address):
    """The kernel function at an address, as NAME+0x12, or ''."""
    try:
        lines = subprocess.run(["nm", "-n", KERNEL], capture_output=True, text=True, check=True).stdout.split("\n")
    except (OSError, subprocess.CalledProcessError):
        return ""
    best = ""
    for line in lines:
        fields = line.split()
        if len(fields) == 3 and fields[1] in "tT" and int(fields[0], 16) <= address:
            best = f"{fields[2]}+{address - int(fields[0], 16):#x}"
    return best
