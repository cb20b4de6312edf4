"""The virtual machine, for run.py, iso_smoke.py and other tools.

Holds its QEMU command line (made from the Makefile's settings, which are in the environment), its
initial RAM disk, and the exit status in its debug port's log."""

import contextlib
import os
import re
import shlex
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
BUILD = TOOLS.parent / "build"
ISO = BUILD / "pagoda.iso"

# QEMU's status after the kernel writes 0x10, 0x11 or 0x12 to isa-debug-exit (kernel/arch/power.c).
QEMU_END, QEMU_PANIC, QEMU_BOOT_FAILED = 33, 35, 37
DEBUG_EXIT = ["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]

# The statuses of run.py and qemu.py for a machine whose first process has left none.
BOOT_FAILED, HUNG, PANICKED, DIED = 123, 124, 125, 126

# What QEMU keeps free above an initial RAM disk, for ACPI tables.
QEMU_OWN = 160 << 10


def setting(name, default):
    return os.environ.get(name) or default


def debug_hint():
    """Returns what to do next about a mistake of the kernel, unless the kernel is a debug build."""
    if setting("DEBUG", "") == "1":
        return ""
    return ("If you have changed the kernel: the same command with DEBUG=1 builds one that checks "
            "more.\n")  # fmt: skip


def panic_text():
    """Returns what to say after a panic."""
    return ("The kernel panicked; its report stands above.\n"
            "Next: make debug, in which gdb stops at a panic (docs/debugging.md).\n"
            + debug_hint())  # fmt: skip


KERNEL = Path(setting("PAGODA_KERNEL", BUILD / "pagoda.elf"))
OVMF = setting("OVMF", "/usr/share/ovmf/OVMF.fd")


def disk(path, name, image="", device=""):
    """Returns QEMU's arguments for a virtio disk. `image` are further properties of its image, and
    `device` those of the disk."""
    file = str(path).replace(",", ",,")
    return ["-drive", f"if=none,id={name},file={file},format=raw,discard=unmap{image}",
            "-device", f"virtio-blk-pci,drive={name}{device}"]  # fmt: skip


def chosen_disk():
    """Returns QEMU's arguments for the disk that the setting DISK names, if any."""
    path = setting("DISK", "")
    return disk(path, "disk") if path else []


def qemu(*arguments):
    """Returns the command for a machine with these arguments. QEMUFLAGS come last and prevail."""
    kvm = setting("KVM", "") == "1"
    command = [setting("QEMU", "qemu-system-x86_64"), *(["-accel", "kvm"] if kvm else [])]
    command += ["-m", setting("MEM", "128M"), "-smp", setting("CPUS", "1")]
    command += ["-cpu", setting("CPU", "host" if kvm else "max")]
    command += ["-display", "none", "-nic", "none", *map(str, arguments), *chosen_disk()]
    return command + shlex.split(setting("QEMUFLAGS", ""))


def cpio_entry(name, mode, data, inode):
    """Returns one file in the format `newc`: a header of 13 numbers, the name, and the data.

    The header with the name, and the data, are each padded to 4 bytes."""
    name = name.encode() + b"\0"
    numbers = [inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0]
    head = b"070701" + b"".join(b"%08X" % n for n in numbers) + name
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def cpio(files, mode=0o100644):
    """Returns an archive of the regular files {name: bytes}."""
    parts = [cpio_entry(name, mode, data, i + 1) for i, (name, data) in enumerate(files.items())]
    return b"".join(parts) + cpio_entry("TRAILER!!!", 0, b"", 0)


def initrd(files, names=None):
    """Returns archives (of the root, /test and EXTRA, or `names`) and `files`, one by one."""
    names = names or setting("PAGODA_ARCHIVES", "initrd.cpio test.cpio extra.cpio").split()
    parts = [(BUILD / name).read_bytes() for name in names]
    return b"".join(part + bytes(-len(part) % 4) for part in [*parts, cpio(files)])


def kernel_end():
    """Returns the physical address behind the kernel's segments (ELF64 program headers)."""
    elf = KERNEL.read_bytes()
    (offset,), (size, count) = struct.unpack_from("<Q", elf, 32), struct.unpack_from("<HH", elf, 54)
    headers = [struct.unpack_from("<IIQQQQQQ", elf, offset + i * size) for i in range(count)]
    return max(address + length for kind, _, _, _, address, _, length, _ in headers if kind == 1)


def memory_problem(initrd_bytes):
    """Returns a sentence if QEMU would put the initial RAM disk over the kernel; else "".

    Such a kernel cannot speak for itself. Where both fit, it does (boot_require_memory)."""
    memory = setting("MEM", "128M")
    found = re.fullmatch(r"(\d+)([KMG]?)", memory, re.IGNORECASE)
    if not found or "-m" in shlex.split(setting("QEMUFLAGS", "")):
        return ""
    size = int(found[1]) << {"K": 10, "": 20, "M": 20, "G": 30}[found[2].upper()]
    if kernel_end() + initrd_bytes + QEMU_OWN <= size:
        return ""
    needed = kernel_end() + initrd_bytes * 17 // 8 + (5 << 19)
    return f"Pagoda cannot start: it needs about {-(-needed >> 20)} MiB of memory, not {memory}"


RESET_TEXT = (
    "The machine reset itself, most likely by a triple fault.\n"
    "rule 9 of docs/design.md: The kernel's own memory is whole, and its code does not fault.\n"
    "Next: QEMUFLAGS='-d int,cpu_reset -D qemu.log' records every exception.\n"
)


def is_restart(log):
    """Returns true if a program has asked for the reset that ended the machine."""
    return log.endswith("restart\n")


def exit_status(log):
    """Returns the status in the last line of the debug port's log; None if it has no such line."""
    found = re.search(r"(?:^|\n)exit status (\d+)\n\Z", log)
    return int(found[1]) if found else None


class Monitor:
    """QEMU's monitor, at a socket. Every question makes a connection of its own."""

    def __init__(self, path):
        self.path = path

    def arguments(self):
        """Returns the arguments that make QEMU listen there."""
        return ["-chardev", f"socket,id=asked,path={self.path},server=on,wait=off",
                "-mon", "chardev=asked,mode=readline"]  # fmt: skip

    def ask(self, command, seconds=5):
        """Returns the answer to a command, or "" if there is none."""
        text = ""
        try:
            with socket.socket(socket.AF_UNIX) as link:
                link.settimeout(seconds)
                link.connect(str(self.path))
                while not text.endswith("(qemu) "):
                    text += link.recv(65536).decode(errors="replace") or "(qemu) "
                link.sendall(command.encode() + b"\n")
                text = ""
                while not text.endswith("(qemu) "):
                    text += link.recv(65536).decode(errors="replace") or "(qemu) "
        except OSError:
            pass
        return text


class Events:
    """QEMU, and what it tells of the end of the machine at a socket in `directory`.

    QEMU tells events from our first command on. So the machine stands still until then, unless the
    command says that a debugger starts it (-S). QEMU can end before an event is sent. So a machine
    that resets itself, or switches off, only pauses, and QEMU ends when we have read the reason."""

    def __init__(self, command, directory, **options):
        self.path, self.text = directory / "events", ""
        self.path.unlink(missing_ok=True)  # that of an earlier machine
        self.starts = "-S" not in command
        self.process = subprocess.Popen(
            [*command, "-qmp", f"unix:{self.path},server=on,wait=off",
             "-action", "reboot=shutdown,shutdown=pause", *(["-S"] if self.starts else [])],
            **options,
        )  # fmt: skip
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        """Waits for the socket, starts the machine, and reads until QEMU ends."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as link:
            while link.connect_ex(str(self.path)) and self.process.poll() is None:
                time.sleep(0.01)
            link.sendall(b'{"execute": "qmp_capabilities"}\n')
            if self.starts:
                link.sendall(b'{"execute": "cont"}\n')
            while piece := link.recv(65536):
                self.text += piece.decode(errors="replace")
                if '"SHUTDOWN"' in self.text:
                    link.sendall(b'{"execute": "quit"}\n')

    def was_reset(self):
        """Returns true if QEMU, which has ended, did so because the machine reset itself."""
        self.thread.join()
        return '"reason": "guest-reset"' in self.text
