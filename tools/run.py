#!/usr/bin/env python3
"""Runs one command in Pagoda:  run.py [--no-input] [--silence SECONDS] [COMMAND]

Boots the kernel directly, with the command (or that in PAGODA_CMD) in /etc/run, which init runs
instead of a shell. Shows the output of the serial line as it comes, and ends with the command's
status. If the kernel could not start on this machine, panicked, hung or reset the machine, there is
no such status: then it is one of the four below, and the kernel's log goes to standard error. (make
itself turns every failure into its status 2.) A machine counts as hung after TIMEOUT seconds, or
after --silence seconds without output. After half a minute without output, and at Ctrl-C, the
kernel reports its place."""

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import keyboard
import machine
import places
from machine import BOOT_FAILED, DIED, HUNG, PANICKED

DEFAULT_TIMEOUT = 600
# The silence after which a machine is asked where it is, and the time that it has to answer.
REPORT_SECONDS = float(machine.setting("PAGODA_REPORT_SECONDS", 30))
ANSWER_SECONDS = 5
REPORT_END = "--- end of CPU 0's report\n"
# The lines of the kernel's log that are shown even after a success.
REMARKABLE = re.compile(
    r"--kill|^audit: |^rule \d of |^frame 0x\w+ was$|^  (allocated|freed|put)\b|"
    r"^the last events|^  \d+ cpu \d|"
    r"system call \d+ is not implemented"
)

CTRL_D = b"\x04"


def type_file(pipe):
    """Types our standard input on the serial line, and then Ctrl-D, as a person at a terminal does.

    QEMU holds back what the machine cannot take yet, so no byte is lost."""
    last = b"\n"
    while piece := os.read(0, 4096):
        pipe.write(piece)
        pipe.flush()
        last = piece[-1:]
    pipe.write(CTRL_D if last == b"\n" else CTRL_D * 2)
    pipe.flush()


def pass_keys(pipe):
    """Types on the serial line what a person types on our terminal."""
    while keys := os.read(0, 4096):
        pipe.write(keys)
        pipe.flush()


def pass_input(pipe, log, is_terminal):
    """Passes our standard input on. Waits for the kernel's first message, because the kernel
    empties the serial line when it starts."""
    try:
        while not (log.exists() and log.stat().st_size):
            time.sleep(0.02)
        (pass_keys if is_terminal else type_file)(pipe)
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


def registers_say(text):
    """Returns the answer to `info registers -a` as a sentence; "" if there was none."""
    found = []
    for rip, cr2 in re.findall(r"RIP=([0-9a-f]+)(?s:.*?)CR2=([0-9a-f]+)", text):
        at = int(rip, 16)
        what = places.describe(at) if at >> 63 else "a program"
        found.append(f"CPU {len(found)} was at {at:#x} ({what or 'unknown code'}), and its last "
                     f"page fault at {int(cr2, 16):#x}")  # fmt: skip
    return "; ".join(found)


def waiting_program(report):
    """Returns the program that waits for input from the terminal, if the machine waits for it."""
    reader = re.search(r"^(pid \d+ .*), asleep:\n(?:[# ].*\n)*?#.* line_read\+", report, re.M)
    return reader and "\nidle:\n" in report and reader[1]


class Run:
    """One boot, and how it ended."""

    def __init__(self, command, timeout, silence, allow_input):
        self.timeout, self.silence = timeout, silence
        self.told = []  # the parts of the kernel's log that were shown already
        with tempfile.TemporaryDirectory(prefix="pagoda-") as name:
            self.boot(Path(name), command, allow_input)

    def boot(self, directory, command, allow_input):
        initrd, self.log_file = directory / "initrd", directory / "log"
        self.monitor = machine.Monitor(directory / "monitor")
        image = machine.initrd({"etc/run": command.encode() + b"\n"})
        if problem := machine.memory_problem(len(image)):
            print(problem, file=sys.stderr)
            sys.exit(BOOT_FAILED)
        initrd.write_bytes(image)
        qemu = machine.qemu(
            "-kernel", machine.KERNEL, "-initrd", initrd,
            "-append", "quiet " + machine.setting("APPEND", ""), "-serial", "stdio",
            "-monitor", "none", *self.monitor.arguments(), "-debugcon", f"file:{self.log_file}",
            *machine.DEBUG_EXIT, "-no-reboot", "-vga", "none",
        )  # fmt: skip
        # A session of its own, because Ctrl-C on our terminal would end QEMU before it answers.
        self.process = subprocess.Popen(
            qemu, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        try:
            with keyboard.Keys(allow_input) as keys:
                if allow_input and (keys.is_raw or not os.isatty(0)):
                    passed = [self.process.stdin, self.log_file, keys.is_raw]
                    threading.Thread(target=pass_input, args=passed, daemon=True).start()
                self.where = self.watch()
        except KeyboardInterrupt:
            self.tell("interrupted", self.report())
            raise
        finally:
            self.process.kill()
            self.process.wait()
        log = self.read_log()
        for report in self.told:
            log = log.replace(report, "", 1)
        self.log = places.annotate(log)

    def read_log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def report(self):
        """Asks the kernel where it is. Returns its answer, or what QEMU knows without one."""
        before = len(self.read_log())
        self.where_sentence = registers_say(self.monitor.ask("info registers -a"))
        self.monitor.ask("nmi")
        end = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            answer = self.read_log()[before:]
            if REPORT_END in answer:
                return answer
            time.sleep(0.05)
        return f"The kernel does not answer. {self.where_sentence}\n"

    def tell(self, why, report):
        """Shows where the machine is while it runs on."""
        self.told.append(report)
        waiting = waiting_program(report)
        if waiting:
            print(f"\n--- {why}: {waiting} waits for input", file=sys.stderr, flush=True)
        else:
            text = places.annotate(report.strip("\n"))
            print(f"\n--- {why}. The machine is here:\n{text}", file=sys.stderr, flush=True)

    def watch(self):
        """Waits for the machine's end. Returns None, or where it was if it hung and was killed.

        Reports, once in each silence of REPORT_SECONDS, where the machine is."""
        self.begin = self.heard = time.monotonic()
        shower = threading.Thread(target=show, args=[self.process.stdout, self.hear], daemon=True)
        shower.start()
        where, reported = None, 0
        while where is None and self.process.poll() is None:
            now = time.monotonic()
            if now >= self.deadline():
                self.report()
                where = self.where_sentence
                self.process.kill()
            elif now >= self.heard + REPORT_SECONDS and reported != self.heard:
                reported = self.heard
                self.tell(f"no output for {REPORT_SECONDS:g} seconds", self.report())
            else:
                times = [self.deadline()]
                times += [self.heard + REPORT_SECONDS] if reported != self.heard else []
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(min(1, max(0, min(times) - now)))
        shower.join(5)
        return where

    def hear(self):
        self.heard = time.monotonic()

    def deadline(self):
        return min(self.begin + self.timeout, self.heard + self.silence)

    def verdict(self):
        """Returns (status, what happened and what to do next). A success has an empty text."""
        ended, status = self.process.returncode, machine.exit_status(self.log)
        hint = machine.debug_hint()
        if self.where is not None:
            silent = time.monotonic() - self.heard >= self.silence
            if silent:
                how, slow = f"No output for {self.silence:g} seconds", ""
            else:
                how = f"No end after {self.timeout:g} seconds"
                slow = "TIMEOUT=SECONDS if it is only slow; else "
            return HUNG, f"{how}; {self.where}\nNext: {slow}make debug.\n{hint}"
        if ended == machine.QEMU_END and status is not None:
            return status, ""
        if ended == machine.QEMU_PANIC:
            return PANICKED, machine.panic_text()
        if ended == machine.QEMU_BOOT_FAILED:
            return BOOT_FAILED, "Next: MEM, CPU and QEMUFLAGS say what the machine has."
        if ended == 0 and machine.is_restart(self.log):
            return DIED, "A program has restarted the machine (reboot)."
        if ended == 0:
            return DIED, machine.RESET_TEXT + hint
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
    if problem and status == BOOT_FAILED:
        print(problem, file=sys.stderr)
    elif problem:
        print(f"\n--- the kernel's log\n{run.log}--- {problem.rstrip()}", file=sys.stderr)
    else:
        for line in run.log.splitlines():
            if REMARKABLE.search(line):
                print(line, file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
