#!/usr/bin/env python3
"""Disks on different machines:  disk_test.py [NUMBER... | --failures]

Each machine has scratch disks (disks.py), connected in its own way, and runs the programs that use
them. With numbers, only these machines run."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import disks
import machine
from user_disk import LIES, LyingDisk, SwitchedDisk, UserDisk

RUN = Path(__file__).with_name("run.py")
SECONDS = 600
PAGE = 4096

# How a virtio device is found, and how it interrupts.
MODERN, LEGACY, LINE = ",disable-legacy=on", ",disable-modern=on", ",vectors=0"

# A bad disk keeps frames for what it has not answered, which the runner would take for a leak.
ALL = "/test/runtests block_device dirty_pages read_ahead && /test/bad_disk && audit"
USE = "/test/runtests block_device dirty_pages read_ahead"


def all_kinds(directory, device=""):
    return [*disks.writable(directory, device=device), *disks.read_only(directory, device),
            *disks.bad(directory, device), *disks.late(directory, device)]  # fmt: skip


def behind_bridges(directory):
    """A disk two bridges away from the first bus, and one on each bus between."""
    bridges = ["-device", "pci-bridge,id=near,chassis_nr=1",
               "-device", "pci-bridge,id=far,chassis_nr=2,bus=near,addr=3"]  # fmt: skip
    return [*bridges, *disks.read_only(directory, ",bus=near,addr=2" + LEGACY),
            *disks.writable(directory, device=",bus=far,addr=1" + LINE)]  # fmt: skip


def many(directory):
    """Nine disks, of which the kernel takes eight."""
    found = [machine.disk(disks.make(directory, f"d{n}", 64 + n), f"d{n}") for n in range(7)]
    found.append(disks.writable(directory, "second", disks.SECOND, LEGACY))
    found.append(machine.disk(disks.make(directory, "ninth", 99), "ninth"))
    return [argument for arguments in found for argument in arguments]


# (what the machine is, its number of CPUs, its type, its disks, the command)
MACHINES = [
    ("modern disks on q35", 1, "q35", lambda d: all_kinds(d, MODERN), ALL),
    ("disks of both kinds on pc", 2, "pc", all_kinds, ALL),
    ("legacy disks, 4 CPUs", 4, "pc", lambda d: all_kinds(d, LEGACY), ALL),
    ("modern disks with line interrupts on q35", 2, "q35",
     lambda d: all_kinds(d, MODERN + LINE), ALL),
    ("legacy disks with line interrupts", 1, "pc", lambda d: all_kinds(d, LEGACY + LINE), ALL),
    ("disks behind bridges", 2, "pc", behind_bridges, USE),
    ("blocks of 4 KiB, 4 CPUs", 4, "q35", lambda d: disks.writable(
        d, "large", disks.LARGE_BLOCKS,
        ",physical_block_size=4096,logical_block_size=4096"), USE),
    ("a short queue, and one segment in a request", 2, "pc", lambda d: disks.writable(
        d, device=",queue-size=4,seg-max-adjust=off"), USE),
    ("nine disks", 1, "pc", many, USE),
]  # fmt: skip


def larger_than_memory(directory):
    return ["-m", "32M", *machine.disk(disks.make(directory, "large", LARGE), "large")]


LARGE = 131072  # sectors: 64 MiB
READ_AND_WRITE = (f"cat /dev/vda | wc -c | grep {LARGE * disks.SECTOR} && "
                  "head -c 50000000 /dev/zero >/dev/vda && echo 'ok - all of it is moved'; audit")

MACHINES.append(("a disk larger than memory", 2, "pc", larger_than_memory, READ_AND_WRITE))


def small(directory):
    """A machine with so little memory that the limit of dirty pages is below the size of a disk."""
    return ["-m", "40M", *disks.writable(directory)]


MACHINES += [(f"a disk that is outrun, {cpus} CPUs", cpus, "q35", small,
              "/test/runtests dirty_pages read_ahead && audit") for cpus in (1, 2, 4)]  # fmt: skip


def lying(directory, *settings):
    socket = Path(directory) / "liar"
    LyingDisk(socket, *settings)
    return UserDisk.arguments(socket, machine.setting("MEM", "128M"))


def switched(directory):
    """A disk with an ext2, and another one beside it that always works."""
    image, socket = disks.switched(directory), Path(directory) / "switched"
    SwitchedDisk(socket, image)
    return [*UserDisk.arguments(socket, machine.setting("MEM", "128M")),
            *disks.writable(directory)]  # fmt: skip


IGNORED = "ls /dev/vda || echo 'ok - the disk is ignored'; audit"

MACHINES += [(f"a disk that says: {lie}", 2, "q35", lambda d, lie=lie: lying(d, lie),
              "/test/runtests lying_disk") for lie in LIES]  # fmt: skip
MACHINES += [("a disk with blocks of 3 bytes", 1, "q35", lambda d: lying(d, None, 3), IGNORED)]

MACHINES += [("a disk that is late, or fails", 2, "q35", switched,
              "umount /disk; /test/runtests switched_disk; audit")]  # fmt: skip


MACHINES += [(f"ext2, {cpus} CPUs", cpus, "q35", disks.ext2,
              "umount /disk; /test/runtests ext2_files; audit") for cpus in (1, 2, 4)]  # fmt: skip


# Programs of other folders that map, write, start or show files.
OTHERS = {"crosswise", "df_stat", "exec_files", "fault_outcomes", "madvise", "mmap_file",
          "mmap_shared", "mremap", "writeback"}  # fmt: skip


def file_programs():
    """Returns the programs in /test whose files may be on a disk as well as in memory."""
    files = (machine.TOOLS.parent / "test/user/file").glob("*.c")
    names = {path.stem for path in files if "temp_dir_enter" in path.read_text()}
    return " ".join(sorted(names | OTHERS))


MACHINES += [("files of the other tests on ext2, 2 CPUs", 2, "q35", disks.ext2,
              f"umount /disk; /test/runtests -d /dev/vda {file_programs()}")]  # fmt: skip


FAILURES = ("ext2, with each request and allocation failing", 2, "q35", disks.ext2)
MACHINES += [(*FAILURES,
              "umount /disk; /test/runtests ext2_failures ext2_overwritten; audit")]  # fmt: skip


def is_image_clean(directory):
    """Has e2fsck look at the ext2 of a machine, if there is one."""
    image = disks.ext2_image(directory)
    if not image.exists():
        return True
    found = subprocess.run(["/sbin/e2fsck", "-fn", image], check=False, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
    if found.returncode:
        print("".join(f"# {line}\n" for line in found.stdout.splitlines()), end="")
    return found.returncode == 0


def run(command, cpus, kind, arguments):
    """Returns the status of run.py, and its output."""
    flags = " ".join([f"-machine {kind}", *arguments])
    settings = {"CPUS": str(cpus), "DISK": "", "QEMUFLAGS": flags}
    done = subprocess.run(
        [sys.executable, RUN, "--no-input", command], env={**os.environ, **settings}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS,
    )  # fmt: skip
    return done.returncode, done.stdout


def check(what, cpus, kind, make_disks, command):
    """Runs a machine, shows its output if it fails, and returns true if it does not."""
    (machine.BUILD / "scratch").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=machine.BUILD / "scratch") as directory:
        status, output = run(command, cpus, kind, make_disks(directory))
        clean = is_image_clean(directory)
    ran = len(re.findall(r"^ok - (?!.*# SKIP)", output, re.M))
    good = status == 0 and ran > 0 and "not ok" not in output and clean
    print(f"{'ok' if good else 'not ok'} - {what}: {ran} cases", flush=True)
    if not good:
        lines = output.splitlines()
        told = [line for line in lines[:-60] if line.startswith(("#", "not ok"))]
        print("".join(f"# {line}\n" for line in [*told, *lines[-60:]]), end="", flush=True)
    return good


def check_end():
    """The machine writes what is dirty before it ends, without a sync."""
    text = "written at the end"
    with tempfile.TemporaryDirectory(dir=machine.BUILD / "scratch") as directory:
        image = disks.make(directory, "last", 4096)
        status, _ = run("echo 0 >/proc/sys/vm/dirty_writeback_centisecs && "
                        f"echo {text} >/dev/vda", 2, "pc", machine.disk(image, "last"))  # fmt: skip
        good = status == 0 and image.read_bytes().startswith(text.encode() + b"\n")
    print(f"{'ok' if good else 'not ok'} - the end of the machine: 1 case", flush=True)
    return good


def check_silent_end():
    """The machine ends although one disk does not answer. Others are written before."""
    with tempfile.TemporaryDirectory(dir=machine.BUILD / "scratch") as directory:
        status, output = run("umount /disk; /test/switched_disk silent", 2, "q35",
                             switched(directory))  # fmt: skip
        written = (Path(directory) / "scratch.img").read_bytes()[PAGE:]
    good = status == 0 and written.startswith(b"written at the end")
    print(f"{'ok' if good else 'not ok'} - the end of a machine with a silent disk: 1 case",
          flush=True)  # fmt: skip
    if not good:
        print("".join(f"# {line}\n" for line in output.splitlines()[-60:]), end="", flush=True)
    return good


def check_failures():
    """Each request and each allocation fails once, none left out."""
    return check(*FAILURES, "umount /disk; /test/ext2_failures all && audit")


def main():
    if sys.argv[1:] == ["--failures"]:
        sys.exit(not check_failures())
    chosen = [MACHINES[int(number)] for number in sys.argv[1:]] or MACHINES
    sys.exit(not all([*[check(*settings) for settings in chosen], check_end(),
                      check_silent_end()]))  # fmt: skip


if __name__ == "__main__":
    main()
