#!/usr/bin/env python3
"""Runs one command in Pagoda:  run.py [--no-input] [--silence SECONDS] [COMMAND]   (or the command in PAGODA_CMD)

Boots the kernel directly, with the command in /etc/run, which init runs instead of a shell. Shows
what the serial line says, as it comes, and ends with the command's status. If there is none, because
the kernel panicked, hung or reset the machine, the status is one of those below, and the kernel's own
log goes to standard error. (make itself turns every failure into its status 2.) A machine is hung after TIMEOUT seconds,
or after so many without a word, where that is a sign."""

import argparse
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import machine

HUNG, PANICKED, DIED = 124, 125, 126
DEFAULT_TIMEOUT = 600
REMARKABLE = re.compile(r"--kill|^audit: |system call \d+ is not implemented")  # what the log says that is worth a look


CTRL_D = b"\x04"


def read_input(allowed):
    """What QEMU reads: our standard input, if that is a terminal, and not somebody else's now; if it is none, what
    pass_input makes of it."""
    if not allowed:
        return subprocess.DEVNULL
    if not os.isatty(0):
        return subprocess.PIPE
    try:
        foreground = os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        foreground = False
    return None if foreground else subprocess.DEVNULL


def pass_input(pipe, log):
    """Types our standard input on the serial line, and ends it as one does at a terminal. The kernel is to be there first:
    it empties the line. A terminal holds no more than some lines that nobody reads; what comes then is lost."""
    try:
        while not (log.exists() and log.stat().st_size):
            time.sleep(0.02)
        last = b"\n"
        while piece := os.read(0, 4096):
            pipe.write(piece)
            pipe.flush()
            last = piece[-1:]
        pipe.write(CTRL_D if last == b"\n" else CTRL_D * 2)
        pipe.flush()
    except OSError:
        pass  # the machine has ended


def show(pipe, heard):
    """Copies the serial line to standard output, with the ends of lines that files have here."""
    held = b""
    while piece := pipe.read1(65536):
        heard()
        piece = held + piece
        held = b"\r" if piece.endswith(b"\r") else b""
        try:
            sys.stdout.buffer.write(piece[: len(piece) - len(held)].replace(b"\r\n", b"\n"))
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            sys.stdout = open(os.devnull, "w")  # whoever reads us has seen enough; the machine still ends in order


def ask_where(monitor):
    """Where a machine that hangs is, from QEMU's monitor."""
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(5)
            link.connect(str(monitor))
            link.sendall(b"info registers\n")
            text = ""
            while "EFER" not in text:
                text += link.recv(65536).decode(errors="replace")
    except OSError:
        return ""
    found = re.search(r"RIP=([0-9a-f]+)", text)
    rip = int(found[1], 16) if found else 0
    fault = re.search(r"CR2=([0-9a-f]+)", text)
    return (f"it was at {rip:#x} {machine.symbol_near(rip) if rip >> 63 else '(a program)'}, "
            f"and the last page fault was at {int(fault[1], 16) if fault else 0:#x}")


class Run:
    """One boot: how it went."""

    def __init__(self, command, timeout, silence, allow_input):
        self.timeout, self.silence = timeout, silence
        with tempfile.TemporaryDirectory(prefix="pagoda-") as name:
            self.boot(Path(name), command, allow_input)

    def boot(self, directory, command, allow_input):
        initrd, log, monitor = directory / "initrd", directory / "log", directory / "monitor"
        initrd.write_bytes(machine.initrd({"etc/run": command.encode() + b"\n"}))
        qemu = machine.qemu(
            "-kernel", machine.KERNEL, "-initrd", initrd, "-append", "quiet " + machine.setting("APPEND", ""),
            "-serial", "stdio", "-monitor", f"unix:{monitor},server=on,wait=off", "-debugcon", f"file:{log}",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-no-reboot", "-vga", "none",
        )  # fmt: skip
        self.process = subprocess.Popen(qemu, stdin=read_input(allow_input), stdout=subprocess.PIPE)
        if self.process.stdin:
            threading.Thread(target=pass_input, args=[self.process.stdin, log], daemon=True).start()
        try:
            self.where = self.watch(monitor)
        finally:
            self.process.kill()
            self.process.wait()
        self.log = log.read_text(errors="replace") if log.exists() else ""

    def watch(self, monitor):
        """Waits for the end; returns where the machine was if it had to be ended, else None."""
        self.begin = self.heard = time.monotonic()
        shower = threading.Thread(target=show, args=[self.process.stdout, self.hear], daemon=True)
        shower.start()
        where = None
        while where is None and self.process.poll() is None:
            try:
                self.process.wait(max(0, self.deadline() - time.monotonic()))
            except subprocess.TimeoutExpired:
                if time.monotonic() >= self.deadline():
                    where = ask_where(monitor)
                    self.process.kill()
        shower.join(5)
        return where

    def hear(self):
        self.heard = time.monotonic()

    def deadline(self):
        return min(self.begin + self.timeout, self.heard + self.silence)

    def verdict(self):
        """(status, what happened and what to do next); the second is empty if all went well."""
        ended, status = self.process.returncode, machine.exit_status(self.log)
        if self.where is not None:
            silent = time.monotonic() - self.heard >= self.silence
            how = f"No word for {self.silence:g} seconds" if silent else f"No end after {self.timeout:g} seconds"
            return HUNG, (f"{how}; {self.where}\n"
                          f"Next: {'' if silent else 'TIMEOUT=seconds if it is only slow; else '}make qemu-gdb and make gdb.")
        if ended == machine.QEMU_END and status is not None:
            return status, ""
        if ended == machine.QEMU_PANIC:
            return PANICKED, ("The kernel panicked: the report stands above.\n"
                              "Next: make qemu-gdb and, in another terminal, make gdb; break on panic.")
        if ended == 0:
            return DIED, ("The machine reset itself: a triple fault, most likely.\n"
                          "Next: QEMUFLAGS='-d int,cpu_reset -D qemu.log' writes down every exception.")
        return DIED, f"QEMU ended with {ended}, without a word from the kernel."


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--no-input", action="store_true")
    parser.add_argument("--silence", type=float, default=float("inf"))
    parser.add_argument("words", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    command = " ".join(options.words) or machine.setting("PAGODA_CMD", "")
    if not command:
        sys.exit("Which command? For example: make run CMD='ls | wc'")
    run = Run(command, float(machine.setting("TIMEOUT", DEFAULT_TIMEOUT)), options.silence, not options.no_input)
    status, problem = run.verdict()
    if problem:
        print(f"\n--- the kernel's log\n{run.log}--- {problem}", file=sys.stderr)
    else:
        for line in run.log.splitlines():
            if REMARKABLE.search(line):
                print(line, file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
