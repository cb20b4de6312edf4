#!/usr/bin/env python3
"""Machines on which the kernel can only just start, or not at all.

Either a shell runs a command, or the boot ends at once with one sentence that says what is missing.
Keys that are pressed during the boot wait for the terminal, whatever they are and wherever they
come from."""

import contextlib
import itertools
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import machine
from terminal import PROMPT, Terminal

RUN = Path(__file__).with_name("run.py")
CANNOT_START = 123  # the status of run.py
SECONDS = 600

COMMAND = "echo a'live'; audit"
ALIVE = "alive\n0 differences\n"

BUSY = 6  # processes that compete with the machine for one CPU

NVME = " ".join(f"-device nvme,serial={name}" for name in "abc")

# (what the machine is, its settings, what stands in the sentence; "": it starts)
MACHINES = [
    ("27 MiB of memory", {"MEM": "27M"}, ""),
    ("12 MiB of memory", {"MEM": "12M"}, "MiB of memory"),
    ("7 MiB of memory", {"MEM": "7M"}, "MiB of memory"),
    ("3 MiB of memory", {"MEM": "3M"}, "MiB of memory"),
    ("1 MiB of memory", {"MEM": "1M"}, "MiB of memory"),
    ("firmware that reserves memory under the RAM disk", {"QEMUFLAGS": NVME}, ""),
    ("a CPU without 64-bit mode", {"CPU": "qemu32"}, "64-bit CPU"),
    ("a CPU without NX", {"CPU": "max,-nx"}, "NX"),
    ("a CPU without SYSCALL", {"CPU": "max,-syscall"}, "SYSCALL"),
    ("a CPU without a local APIC", {"CPU": "max,-apic"}, "local APIC"),
    ("no HPET", {"QEMUFLAGS": "-machine pc,hpet=off"}, ""),
]


def run(command, settings, keys=""):
    """Returns the status of run.py, and its output."""
    done = subprocess.run(
        [sys.executable, RUN, command], input=keys, env={**os.environ, **settings}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS,
    )  # fmt: skip
    return done.returncode, done.stdout


def report(what, is_true, output):
    print(f"{'ok' if is_true else 'not ok'} - {what}", flush=True)
    if not is_true:
        print("".join(f"# {line}\n" for line in output.splitlines()[-20:]), end="", flush=True)
    return is_true


def check_machine(what, settings, sentence):
    status, output = run(COMMAND, settings)
    if sentence:
        cannot = status == CANNOT_START and "cannot start" in output and sentence in output
        return report(f"{what}: the boot ends and says why", cannot, output)
    return report(f"{what}: a shell runs", status == 0 and ALIVE in output, output)


def busy_cpu(busy):
    """Runs this process, and what it starts, on one CPU of the host with busy processes beside."""
    os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
    spin = [sys.executable, "-c", "while True: pass"]
    for _ in range(BUSY):
        busy.callback(subprocess.Popen(spin).kill)


def check_rates():
    """Boots a few times on a busy CPU, and compares the rates that the kernel measures."""
    usable, rates, output = os.sched_getaffinity(0), [], ""
    with contextlib.ExitStack() as busy:
        busy_cpu(busy)
        for _ in range(3):
            output += run("grep MHz /proc/cpuinfo", {"CPUS": "1"})[1]
        rates = [float(mhz) for mhz in re.findall(r"cpu MHz\s*: (\S+)", output)]
    os.sched_setaffinity(0, usable)
    is_same = len(rates) == 3 and max(rates) < min(rates) * 1.01
    return report("a busy host does not change the rate of the clock", is_same, output)


def check_keys():
    """Types before the terminal is there: a panic, before its thread read a ring."""
    status, output = run("cat", {}, "abc\003\032\034def\n")
    return report("control characters during the boot wait", status in (0, 130, 131), output)


def runs_command(terminal):
    """Types the command, and again if no answer comes: a key that was pressed before can arrive in
    the middle of it, because QEMU holds keys back. The waits add up to about SECONDS."""
    for i in range(3, 0, -1):
        terminal.type(f"{START_OVER}{COMMAND}\n")
        if terminal.expect(ALIVE.replace("\n", "\r\n"), SECONDS / 4**i):
            return True
    return terminal.expect(ALIVE.replace("\n", "\r\n"), SECONDS)


def check_boot(what, directory, disturb, *arguments):
    """Calls disturb(terminal, monitor) from before the first instruction of the kernel up to the
    prompt of the shell, again and again. Then the shell must still run a command."""
    monitor = machine.Monitor(directory / "monitor")
    initrd = directory / "initrd"
    initrd.write_bytes(machine.initrd({}))
    terminal = Terminal(machine.qemu(
        "-kernel", machine.KERNEL, "-initrd", initrd, "-append", "quiet", "-serial", "stdio",
        "-monitor", "none", *monitor.arguments(), "-no-reboot", "-vga", "none", *arguments,
    ))  # fmt: skip
    is_over = threading.Event()

    def disturb_all():
        with contextlib.suppress(OSError):  # the machine has ended
            while not is_over.is_set():
                disturb(terminal, monitor)

    thread = threading.Thread(target=disturb_all, daemon=True)
    thread.start()
    try:
        prompts = terminal.expect(PROMPT, SECONDS)
        is_over.set()
        thread.join()
        lives = prompts and runs_command(terminal)
    finally:
        terminal.process.kill()
        terminal.process.wait()
    return report(what, lives, terminal.seen)


START_OVER = "\021\003\n"  # ends a stop of the output, and drops what is left of a line

STREAMS = [
    ("Ctrl-C", [("\003", "ctrl-c")]),
    ("Ctrl-Z", [("\032", "ctrl-z")]),
    ("Ctrl-\\", [("\034", "ctrl-backslash")]),
    ("Ctrl-S and Ctrl-Q", [("\023", "ctrl-s"), ("\021", "ctrl-q")]),
    ("all of these, and letters",
     [("\003", "ctrl-c"), ("x", "x"), ("\032", "ctrl-z"), ("\n", "ret"), ("\034", "ctrl-backslash"),
      ("\026", "ctrl-v")]),
]  # fmt: skip


def check_reports():
    """Requests the report of where the machine is again and again, up to the prompt. Two CPUs start
    meanwhile. The first request follows the first message: no CPU can answer before."""
    with tempfile.TemporaryDirectory(prefix="pagoda-") as name:
        directory = Path(name)
        log = directory / "log"

        def request(monitor):
            if log.exists() and log.stat().st_size:
                monitor.ask("nmi")
            time.sleep(0.02)

        return check_boot("reports are requested all through the boot", directory,
                          lambda _, monitor: request(monitor),
                          "-smp", "2", "-debugcon", f"file:{log}")  # fmt: skip


def check_streams():
    """Presses keys, each of which is (byte of the serial line, key of the PS/2 keyboard)."""
    for what, keys in STREAMS:
        choice = itertools.cycle(keys)

        def type_byte(terminal, _, choice=choice):
            terminal.type(next(choice)[0])
            time.sleep(0.002)

        def press_key(_, monitor, choice=choice):
            monitor.ask(f"sendkey {next(choice)[1]} 1")

        for source, disturb in (("serial line", type_byte), ("keyboard", press_key)):
            with tempfile.TemporaryDirectory(prefix="pagoda-") as name:
                sentence = f"{what} all through the boot, from the {source}"
                yield check_boot(sentence, Path(name), disturb)


def main():
    results = [check_machine(*settings) for settings in MACHINES]
    results.append(check_keys())
    results.append(check_rates())
    results += check_streams()
    results.append(check_reports())
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
