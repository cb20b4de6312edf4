#!/usr/bin/env python3
"""Runs one command in Pagoda:  run.py [--no-input] [--silence SECONDS] [COMMAND]

Boots the kernel directly, with the command (or that in PAGODA_CMD) in /etc/run, which init runs
instead of a shell. Shows the output of the serial line as it comes, and ends with the command's
status. If the kernel panicked, hung or reset the machine, there is no such status: then it is one
of the three below, and the kernel's log goes to standard error. (make itself turns every failure
into its status 2.) A machine counts as hung after TIMEOUT seconds, or after --silence seconds
without output."""

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
# The lines of the kernel's log that are shown even after a success.
REMARKABLE = re.compile(r"--kill|^audit: |system call \d+ is not implemented")

CTRL_D = b"\x04"


def read_input(allowed):
    """Returns the standard input of QEMU, for subprocess.

    If ours is a terminal, QEMU reads it, provided that we are in the foreground. If it is a file or
    a pipe, QEMU reads a pipe that pass_input fills."""
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
    """Types our standard input on the serial line, and then Ctrl-D, as a person at a terminal does.

    Waits for the kernel's first message, because the kernel empties the line when it starts. A
    terminal holds 4 KiB that no program has read yet; bytes beyond that are lost."""
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
    """Copies the serial line to standard output, and turns each "\\r\\n" into "\\n"."""
    held = b""
    while piece := pipe.read1(65536):
        heard()
        piece = held + piece
        held = b"\r" if piece.endswith(b"\r") else b""
        try:
            sys.stdout.buffer.write(piece[: len(piece) - len(held)].replace(b"\r\n", b"\n"))
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            sys.stdout = open(os.devnull, "w")  # our reader has gone; the machine runs on


def ask_where(monitor):
    """Asks QEMU's monitor where a machine hangs. Returns a sentence, or "" without an answer."""
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
    """One boot, and how it ended."""

    def __init__(self, command, timeout, silence, allow_input):
        self.timeout, self.silence = timeout, silence
        with tempfile.TemporaryDirectory(prefix="pagoda-") as name:
            self.boot(Path(name), command, allow_input)

    def boot(self, directory, command, allow_input):
        initrd, log, monitor = directory / "initrd", directory / "log", directory / "monitor"
        initrd.write_bytes(machine.initrd({"etc/run": command.encode() + b"\n"}))
        qemu = machine.qemu(
            "-kernel", machine.KERNEL, "-initrd", initrd,
            "-append", "quiet " + machine.setting("APPEND", ""), "-serial", "stdio",
            "-monitor", f"unix:{monitor},server=on,wait=off", "-debugcon", f"file:{log}",
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
        """Waits for the machine's end. Returns None, or where it was if it hung and was killed."""
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
        """Returns (status, what happened and what to do next). A success has an empty text."""
        ended, status = self.process.returncode, machine.exit_status(self.log)
        if self.where is not None:
            silent = time.monotonic() - self.heard >= self.silence
            if silent:
                how, slow = f"No output for {self.silence:g} seconds", ""
            else:
                how = f"No end after {self.timeout:g} seconds"
                slow = "TIMEOUT=SECONDS if it is only slow; else "
            return HUNG, f"{how}; {self.where}\nNext: {slow}make qemu-gdb and make gdb."
        if ended == machine.QEMU_END and status is not None:
            return status, ""
        if ended == machine.QEMU_PANIC:
            return PANICKED, (
                "The kernel panicked; its report stands above.\n"
                "Next: make qemu-gdb, and make gdb in another terminal, which stops at a panic."
            )
        if ended == 0:
            return DIED, (
                "The machine reset itself, most likely by a triple fault.\n"
                "Next: QEMUFLAGS='-d int,cpu_reset -D qemu.log' records every exception."
            )
        return DIED, (
            f"QEMU ended with {ended}, before the kernel reported a status.\n"
            "Next: read QEMU's own message above; QEMUFLAGS are its last arguments."
        )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--no-input", action="store_true")
    parser.add_argument("--silence", type=float, default=float("inf"))
    parser.add_argument("words", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    command = " ".join(options.words) or machine.setting("PAGODA_CMD", "")
    if not command:
        sys.exit("No command is given. For example: make run CMD='ls | wc'")
    timeout = float(machine.setting("TIMEOUT", DEFAULT_TIMEOUT))
    run = Run(command, timeout, options.silence, not options.no_input)
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
