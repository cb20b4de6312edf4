"""Types random bytes into Pagoda's terminal, and into a Linux pty, for diff.py.

The program test/diff/keys.c runs at the other end of both. It tells us what to type and when,
and in the end what it has read."""

import contextlib
import fcntl
import os
import re
import select
import subprocess
import tempfile
import termios
import time
from pathlib import Path

import machine

MARK = re.compile(rb"<case [^>]*>\n|\r<go>|<go>|<end [^>]*>\n|<hang [^>]*>\n|<done>\n")
SILENCE_SECONDS = 300


class Line:
    """The two directions of a terminal's line."""

    def __init__(self, read_fd, write_fd):
        self.read_fd, self.write_fd = read_fd, write_fd
        self.seen = b""

    def read(self):
        """Reads more. Returns false at the end, or after a long time without output."""
        ready, _, _ = select.select([self.read_fd], [], [], SILENCE_SECONDS)
        try:
            piece = os.read(self.read_fd, 65536) if ready else b""
        except OSError:  # the other end of a pty is closed
            piece = b""
        self.seen += piece
        return piece != b""

    def next_mark(self):
        """Returns (what came before the next mark, the mark), or None at the end."""
        while not (found := MARK.search(self.seen)):
            if not self.read():
                return None
        before, self.seen = self.seen[: found.start()], self.seen[found.end() :]
        return before, found[0].decode()


def converse(line):
    """Answers the program until it is done. Yields (number, mode, typed, output, what it read)."""
    while mark := line.next_mark():
        if not mark[1].startswith("<case"):
            return
        words = mark[1].strip("<>\n").split()
        number, mode, parts = int(words[1]), " ".join(words[2:-1]), words[-1].split(",")
        output = b""
        for part in parts:
            mark = line.next_mark()
            if not mark or "<go>" not in mark[1]:
                break
            output += mark[0]
            os.write(line.write_fd, bytes.fromhex(part))
        else:
            mark = line.next_mark()
        if not mark:
            yield number, mode, parts, output + line.seen, "silence"
            return
        yield number, mode, parts, output + mark[0], mark[1].strip("<>\n")
        if mark[1].startswith("<hang"):
            return


@contextlib.contextmanager
def linux_line(arguments, linux):
    """Runs the program at the other end of a new pty."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, b"\x18\0\x50\0\0\0\0\0")

    def take_terminal():
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        [str(linux.bin / "keys"), *arguments], stdin=slave, stdout=slave, stderr=slave,
        cwd=linux.directory, start_new_session=True, preexec_fn=take_terminal, **linux.identity,
    )  # fmt: skip
    os.close(slave)
    try:
        yield Line(master, master)
    finally:
        process.kill()
        process.wait()
        os.close(master)


@contextlib.contextmanager
def pagoda_line(arguments, problems):
    """Runs the program on the serial line of a new machine. Appends to `problems` if the machine
    fails."""
    with tempfile.TemporaryDirectory(prefix="pagoda-") as name:
        initrd, log = Path(name) / "initrd", Path(name) / "log"
        command = f"/diff/keys {' '.join(arguments)} && audit\n"
        initrd.write_bytes(
            machine.initrd({"etc/run": command.encode()}, ("initrd.cpio", "diff.cpio"))
        )
        process = subprocess.Popen(
            machine.qemu(
                "-kernel", machine.KERNEL, "-initrd", initrd, "-append", "quiet", "-serial",
                "stdio", "-monitor", "none", "-debugcon", f"file:{log}", "-device",
                "isa-debug-exit,iobase=0xf4,iosize=4", "-no-reboot", "-vga", "none",
            ),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, start_new_session=True,
        )  # fmt: skip
        try:
            yield Line(process.stdout.fileno(), process.stdin.fileno())
            end = time.monotonic() + SILENCE_SECONDS
            while process.poll() is None and time.monotonic() < end:
                select.select([process.stdout], [], [], 1)
                process.stdout.read(65536)
            text = log.read_text(errors="replace")
            if process.poll() != machine.QEMU_END or machine.exit_status(text) != 0:
                problems.append(f"Pagoda ended with {process.poll()}:\n{text[-3000:]}")
        finally:
            process.kill()
            process.wait()


def is_flushed(mode, parts):
    """Returns true if a key of the case throws away output. A pty then loses what we have not read
    yet, and a serial line does not."""
    local = int(re.search(r"local=0([0-7]*)", mode)[1] or "0", 8)
    return len(parts) > 1 and local & termios.ISIG and not local & termios.NOFLSH


def is_part(one, two):
    """Returns true if the text is the other one, or that without some of its bytes."""
    rest = iter(two)
    return all(byte in rest for byte in one)


def is_same(linux, pagoda):
    """Compares (mode, typed, output, read) of a case."""
    if not linux or not pagoda or linux[:2] != pagoda[:2] or linux[3] != pagoda[3]:
        return False
    same_output = is_part if is_flushed(*linux[:2]) else bytes.__eq__
    return same_output(linux[2], pagoda[2])


def run(linux, seed, first, count):
    """Returns ({case: (mode, typed, output, read)} of Linux, that of Pagoda, problems)."""
    arguments = [str(seed), str(first), str(count)]
    results, problems = [], []
    for opened in (linux_line(arguments, linux), pagoda_line(arguments, problems)):
        with opened as line:
            results.append({case[0]: case[1:] for case in converse(line)})
    return *results, problems
