#!/usr/bin/env python3
"""Takes the power away at each moment of a run:  crash.py [--sample] [-s SEED] [NUMBER]...

Each run has a disk with an ext2, whose writes QEMU records (blklogwrites). A program changes and
syncs files there, and its marks say what must be on the disk from then on (test/user/recorded.h).

Afterwards the tool makes the disk as a loss of power could have left it after each write: what was
written before the last flush is there, and of the later blocks all, or a random part. A block of
the file system is written as a whole or not at all. e2fsck must repair each of these disks, and all
that the last marks demand must be there.

With --sample, a few random moments are looked at. With numbers, only these runs are made."""

import argparse
import os
import random
import re
import sqlite3
import struct
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import disks
import machine

RUN = Path(__file__).with_name("run.py")
SECONDS = 1200

SECTOR, PAGE = 512, 4096
FILE_SYSTEM = 8 << 20  # bytes; test/user/recorded.c has this number, too
WRITERS = 8
MARKS = range(FILE_SYSTEM, FILE_SYSTEM + WRITERS * PAGE, PAGE)

SAMPLES = 30  # moments
PARTS = 2  # random parts of each moment
AT_ONCE = os.cpu_count() or 1

# The record's format is that of dm-log-writes. Numbers are little-endian.
HEADER = struct.Struct("<QQQI")  # magic, version, entries, bytes in a sector
ENTRY = struct.Struct("<QQQQ")  # first sector, sectors, flags, bytes of a mark
MAGIC = 0x6A736677736872
FLUSH, DISCARD = 1, 4

GLIBC = {"PAGODA_ARCHIVES": "initrd.cpio test.cpio glibc.cpio extra.cpio"}

# (what happens, bytes in a block, CPUs, the command, its own settings)
RUNS = [
    ("files, blocks of 1 KiB", 1024, 1, "/test/recorded_files", {}),
    ("files, blocks of 4 KiB, 2 CPUs", 4096, 2, "/test/recorded_files", {}),
    ("sqlite with a rollback journal", 1024, 1, "/test/recorded_sqlite delete", GLIBC),
    ("sqlite with a write-ahead log", 4096, 2, "/test/recorded_sqlite wal", GLIBC),
]


def arguments(image, record):
    """Returns QEMU's arguments for a disk whose writes are recorded."""
    nodes = [("file", image), ("log", record)]
    files = ",".join(f"{node}.driver=file,{node}.filename={path},{node}.cache.no-flush=on"
                     for node, path in nodes)  # fmt: skip
    return ["-blockdev", f"driver=blklogwrites,node-name=recorded,{files}",
            "-device", "virtio-blk-pci,drive=recorded"]  # fmt: skip


def make_disk(path, block):
    path.touch()
    os.truncate(path, disks.RECORDED * SECTOR)
    disks.make_ext2(path, f"{FILE_SYSTEM >> 10}K", block)


class Write:
    """A write of the record: some bytes at a place. A flush has no bytes."""

    def __init__(self, place, data, is_flush):
        self.place, self.data, self.is_flush = place, data, is_flush

    def pieces(self, block):
        """Returns [(place, bytes)]: the parts in the blocks that it touches."""
        edges = [self.place, *range((self.place // block + 1) * block, self.end(), block)]
        edges.append(self.end())
        return [(a, self.data[a - self.place : b - self.place]) for a, b in zip(edges, edges[1:])]

    def end(self):
        return self.place + len(self.data)

    def marks(self):
        """Returns {number of the writer: the lines of its mark} for the marks that it writes."""
        found = {}
        for number, at in enumerate(MARKS):
            if self.place <= at and at + PAGE <= self.end():
                text = self.data[at - self.place : at - self.place + PAGE].rstrip(b"\0")
                found[number] = text.decode().splitlines()
        return found


def read_record(path):
    """Returns the record's writes, in their order."""
    record = path.read_bytes()
    magic, version, count, size = HEADER.unpack_from(record)
    if (magic, version) != (MAGIC, 1):
        sys.exit(f"{path} is no record of writes")
    writes, at = [], size
    for _ in range(count):
        sector, sectors, flags, _ = ENTRY.unpack_from(record, at)
        at += size
        if flags & DISCARD:
            sys.exit("the record has a discard, of which this tool does not know what it leaves")
        writes.append(Write(sector * size, record[at : at + sectors * size], flags & FLUSH))
        at += sectors * size
    return writes


def generation(number, start, end):
    """Returns the bytes that generation_write in test/user/recorded.c writes."""
    return b"".join(b"%07x.%07x\n" % (number, at // 16) for at in range(start, end, 16))


def is_file(root, words):
    """Returns true if PATH:GENERATION:START:END:MAX is there.

    A file that was about to grow can have its new block without its new size. Then e2fsck takes the
    end of the block for the size."""
    path, number, start, end, most = words.split(":")
    path, start, end = root / path, int(start), int(end)
    if not path.is_file() or path.is_symlink():
        return False
    data = path.read_bytes()
    most = -(-int(most) // PAGE) * PAGE
    return len(data) <= most and data[start:end] == generation(int(number), start, end)


def database_problem(path, least):
    """Returns what is wrong with a database; "" if nothing is. test/user/program/recorded_sqlite.cc
    says what is in it."""
    try:
        with sqlite3.connect(path) as db:
            (answer,) = db.execute("PRAGMA integrity_check").fetchone()
            ids = [row[0] for row in db.execute("SELECT id FROM entries ORDER BY id")]
            (count,) = db.execute("SELECT count FROM total").fetchone()
            wrong = "SELECT count(*) FROM entries WHERE length(note) != size"
            (bad,) = db.execute(wrong).fetchone()
    except sqlite3.Error as error:
        return f"sqlite says: {error}"
    if answer != "ok":
        return f"integrity_check says: {answer}"
    if ids != list(range(1, len(ids) + 1)) or count != len(ids) or bad:
        return f"{len(ids)} rows, {count} counted, {bad} bad"
    return "" if least <= len(ids) <= least + 1 else f"{len(ids)} rows of {least}"


def line_problem(root, line):
    """Returns what a line of a mark misses on the disk; "" if nothing."""
    verb, _, rest = line.partition(" ")
    good = True
    if verb == "any":
        good = any(is_file(root, words) for words in rest.split())
    elif verb == "gone":
        good = not os.path.lexists(root / rest)
    elif verb == "link":
        path, target = rest.split(" ")
        good = os.path.islink(root / path) and os.readlink(root / path) == target
    elif verb == "rows":
        path, least = rest.split(" ")
        found = database_problem(root / path, int(least))
        return found and f"{line}: {found}"
    elif verb:
        sys.exit(f"a mark has the line: {line}")
    return "" if good else f"lost: {line}"


class Record:
    """The writes of a run, and the disks that a loss of power leaves of it."""

    def __init__(self, base, writes, block):
        self.base, self.writes, self.block = base, writes, block

    def moment(self, number):
        """Returns (the disk at the last flush before this many writes, the pieces that were written
        since, what the marks demand)."""
        disk, pending, marks = bytearray(self.base), [], {}
        for write in self.writes[:number]:
            marks.update(write.marks())
            if write.is_flush:
                apply(disk, pending)
                pending = []
            else:
                pending += write.pieces(self.block)
        return disk, pending, [line for lines in marks.values() for line in lines if line]


def apply(disk, pieces):
    for place, data in pieces:
        disk[place : place + len(data)] = data


def files_of(image, root):
    """Copies all files of an image into the directory `root`."""
    script = f"rdump / {root}\n"
    subprocess.run(["/sbin/debugfs", "-f", "-", image], input=script, text=True, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip


def problem_of(disk, lines):
    """Returns what is wrong with a disk; "" if e2fsck repairs it, and it has all that is
    demanded."""
    with tempfile.TemporaryDirectory(dir=machine.BUILD / "scratch") as directory:
        image, root = Path(directory) / "disk.img", Path(directory) / "files"
        root.mkdir()
        image.write_bytes(memoryview(disk)[:FILE_SYSTEM])
        done = subprocess.run(["/sbin/e2fsck", "-fy", image], text=True, errors="replace",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
        if done.returncode & ~1:
            return f"e2fsck ends with {done.returncode}:\n{done.stdout}"
        files_of(image, root)
        found = [problem for line in lines if (problem := line_problem(root, line))]
        return found and "\n".join([*found, "e2fsck said:", done.stdout])


def look(record, number, seed):
    """Looks at the disks of one moment. Returns (how many they are, what is wrong)."""
    disk, pending, lines = record.moment(number)
    choice = random.Random(seed * 1000003 + number)
    parts = [pending]
    if len(pending) > 1:
        parts += [[piece for piece in pending if choice.random() < share]
                  for share in (choice.random() for _ in range(PARTS))]  # fmt: skip
    for n, part in enumerate(parts):
        left = bytearray(disk)
        apply(left, part)
        if problem := problem_of(left, lines):
            what = "all" if n == 0 else f"part {n}"
            return n + 1, f"after {number} writes, with {what} since the last flush:\n{problem}"
    return len(parts), ""


def record_run(directory, block, cpus, command, settings, seed):
    """Makes the run. Returns its record, or None if it failed; then its output is shown."""
    image, log = directory / "disk.img", directory / "record"
    make_disk(image, block)
    base = image.read_bytes()
    log.touch()
    own = {"CPUS": str(cpus), "DISK": "", "QEMUFLAGS": " ".join(arguments(image, log)), **settings}
    command = f"export TEST_SEED={seed}; {command} && umount /disk; audit"
    done = subprocess.run(
        [sys.executable, RUN, "--no-input", command], env={**os.environ, **own}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS,
    )  # fmt: skip
    if done.returncode or not re.search("^ok - ", done.stdout, re.M) or "not ok" in done.stdout:
        print("".join(f"# {line}\n" for line in done.stdout.splitlines()[-60:]), end="")
        return None
    return Record(base, read_record(log), block)


def check(what, block, cpus, command, settings, seed, is_sample):
    """Makes a run and looks at its moments. Returns true if nothing is lost at any."""
    (machine.BUILD / "scratch").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=machine.BUILD / "scratch") as directory:
        record = record_run(Path(directory), block, cpus, command, settings, seed)
    name = f"loss of power: {what}"
    if not record:
        print(f"not ok - {name}: the run failed", flush=True)
        return False
    moments = range(len(record.writes) + 1)
    if is_sample:
        moments = sorted(random.Random(seed).sample(moments, min(SAMPLES, len(moments))))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda number: look(record, number, seed), moments))
    problems = [problem for _, problem in found if problem]
    total = f"{len(moments)} of {len(record.writes) + 1} moments, {sum(n for n, _ in found)} disks"
    if not problems:
        print(f"ok - {name}: {total}", flush=True)
        return True
    text = "".join(f"# {line}\n" for line in problems[0].splitlines())
    print(f"{text}not ok - {name}: {len(problems)} bad of {total}; SEED={seed}", flush=True)
    return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sample", action="store_true")
    parser.add_argument("-s", "--seed", type=int, default=random.randrange(2**31))
    parser.add_argument("numbers", nargs="*", type=int)
    options = parser.parse_args()
    print(f"# SEED={options.seed}", flush=True)
    chosen = [RUNS[number] for number in options.numbers] or RUNS
    sys.exit(not all([check(*run, options.seed, options.sample) for run in chosen]))


if __name__ == "__main__":
    main()
