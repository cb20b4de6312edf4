#!/usr/bin/env python3
"""Runs the tests:  test.py ['NAME...' | --failures]

Without an argument, all tests run. With names, only those programs in /test do. With --failures,
the programs in /test run again and again, until each allocation of the kernel for them has failed
once.

Each part is a command that prints a line "ok ..." or "not ok ..." for each of its tests, and ends
with 0 after a success. Two parts run at the same time, and their output is shown one after the
other. The last line is the sum; the status is 0 if all tests passed."""

import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import machine

TOOLS = Path(__file__).resolve().parent
ROOT = TOOLS.parent
LONGEST = 12  # parts whose times are shown at the end
# Parts; most keep one CPU of the host busy. Two machines cannot write one disk.
AT_ONCE = 1 if machine.setting("DISK", "") else 2


def tool(name, *arguments):
    return [sys.executable, str(TOOLS / name), *arguments]


def tests_named(prefix):
    """Returns the programs in /test whose name begins like this. Each is a file in a folder."""
    files = (ROOT / "test/user").glob(f"*/{prefix}*.c")
    return sorted(path.stem for path in files if path.stem != "runtests")


def all_tests():
    return tests_named("")


# It counts on each free frame, and those that other CPUs cache cannot be had.
NOT_PARALLEL = {"oom_each_frame"}


# They need scratch disks, and are skipped on machines that have none.
DISK_TESTS = {"bad_disk", "block_device", "dirty_pages", "ext2_failures", "ext2_files",
              "ext2_overwritten", "lying_disk", "read_ahead", "switched_disk"}  # fmt: skip


# They need a disk whose writes are recorded.
RECORDED_TESTS = {"recorded_files", "recorded_sqlite"}


def asks_for_virtual_time(name):
    files = (ROOT / "test/user").glob(f"*/{name}.c*")
    return any("time_is_virtual" in path.read_text() for path in files)


def glibc_tests():
    """Returns the programs in /test that are built with glibc; the Makefile lists them too."""
    cxx = (path.stem for path in (ROOT / "test/user").glob("*/*.cc"))
    return sorted({"library_processes_glibc", "library_threads_glibc", *cxx})


# The archives of a machine that has these programs.
WITH_GLIBC = {"PAGODA_ARCHIVES": "initrd.cpio test.cpio glibc.cpio extra.cpio"}


def programs(*arguments, silence=400, before=""):
    """Returns the command that runs the programs in /test.

    The runner limits the time of each test, so a machine that is silent for longer is hung. Both
    limits are far away, because a busy host makes a test slow."""
    command = " ".join([f"{before}/test/runtests", *arguments])
    return tool("run.py", "--no-input", "--silence", str(silence), command)


def virtual_time_part(names):
    """Returns the part in which those of the programs that ask for virtual time have it.

    The clock of the machine counts instructions there, 8 ns each, so nothing that the host does
    makes a difference. Such a machine has one CPU."""
    command = programs(*filter(asks_for_virtual_time, names), before="export TEST_VIRTUAL_TIME=1; ")
    flags = f"-icount shift=3,sleep=off {machine.setting('QEMUFLAGS', '')}"
    return "turns, sleeps and costs, in virtual time", command, {"CPUS": "1", "QEMUFLAGS": flags}


def small_machine_command():
    """Returns the command for all tests that exhaust memory, and for a shell after them."""
    return programs(*tests_named("oom_"), "&& echo 'ok - afterwards a shell still works' | cat")


# The programs that need little time until each of their allocations has failed once.
FAILING_BRIEFLY = ["context", *tests_named("proc_"), "signals", "system", "terminal"]


def failing_command(names):
    """Returns the command for these programs with the first, second, ... allocation failing.

    The time of a test is short, because a test may wait for a child that was killed."""
    return programs("-t 1", f"-f {10**6}", *names, silence=3600)


def all_failing_parts():
    """Returns one part for each program, except those that exhaust memory or fail allocations.

    region_scaling is left out, too, because its many allocations are all of one kind."""
    left_out = {*tests_named("oom_"), *tests_named("failing_"), "region_scaling"}
    settings = {"TIMEOUT": "36000"}
    found = [
        (f"{name}, with each allocation failing", failing_command([name]), settings)
        for name in all_tests()
        if name not in left_out
    ]
    return [*found, ("a disk, with each request failing", tool("disk_test.py", "--failures"), {})]


def parts(only):
    """Returns (what is tested, the command, its own settings) for each part, in their order."""
    if only == "--failures":
        return all_failing_parts()
    if only:
        names, known = set(only.split()), sorted([*all_tests(), *glibc_tests()])
        if not names <= set(known):
            sys.exit(f"test/user has no {only}. Choose from: {' '.join(known)}")
        if names <= DISK_TESTS:
            return [("disks", tool("disk_test.py"), {})]
        if names <= RECORDED_TESTS:
            return [("losses of power", tool("crash.py", "--sample"), {})]
        settings = WITH_GLIBC if names & set(glibc_tests()) else {}
        found = [("the programs in /test", programs(only), settings)]
        virtual = [name for name in only.split() if asks_for_virtual_time(name)]
        return [*found, virtual_time_part(virtual)] if virtual else found
    return [part for part in whole() if not (is_debug_build() and part[0] in SAME_WITH_DEBUG)]


def is_debug_build():
    return machine.setting("DEBUG", "") == "1"


# Parts that say nothing more about a kernel with DEBUG=1: the host tests always check as much, and
# the others are about the start of a machine, its devices, or instructions of a normal kernel.
SAME_WITH_DEBUG = {
    "on the host", "the programs in /test on 2 CPUs", "glibc, C++ and sqlite, CPUS=1",
    "glibc, C++ and sqlite, CPUS=2", "machines on which it can only just start",
    "profiles of benchmarks", "pasting at the terminal", "the ISO", "the ISO on Bochs",
    "screen and keyboard, on a BIOS and on UEFI", "recordings, read",
}  # fmt: skip


def whole():
    """Returns all parts of a whole test."""
    found = []
    if (ROOT / "test/host/Makefile").exists():
        host = ["make", "--no-print-directory", "-s", "-C", str(ROOT / "test/host"), "test"]
        found.append(("on the host", host, {}))
    briefly = failing_command(FAILING_BRIEFLY)
    found.append(("the programs in /test", programs(), {}))
    for cpus, append in ("2", "events=5000"), ("4", ""):
        names = sorted(set(all_tests()) - NOT_PARALLEL)
        settings = {"CPUS": cpus, "APPEND": append}
        found.append((f"the programs in /test on {cpus} CPUs", programs(*names), settings))
    found.append(virtual_time_part(all_tests()))
    glibc = programs(*glibc_tests())
    for cpus in ("1", "2", "4"):
        what = f"glibc, C++ and sqlite, CPUS={cpus}"
        found.append((what, glibc, {"CPUS": cpus, **WITH_GLIBC}))
    found.append(("the end of memory, in 32 MiB", small_machine_command(), {"MEM": "32M"}))
    found.append(("some programs, with each allocation failing", briefly, {}))
    found.append(("many at once, on 4 CPUs", tool("stress.py", "-t", "0"), {"CPUS": "4"}))
    found.append(("a session at the terminal", tool("session.py", "-s", "1", "-n", "25"), {}))
    found.append(("pasting at the terminal", tool("paste_test.py"), {}))
    found.append(("messages at the terminal", tool("message_test.py"), {}))
    found.append(("reports of hangs and panics", tool("hang_test.py"), {}))
    found.append(("reports of broken invariants", tool("panic_test.py"), {}))
    found.append(("reports of mistakes in the kernel", tool("mistakes_test.py"), {}))
    found.append(("machines on which it can only just start", tool("boot_smoke.py"), {}))
    found.append(("random programs, here and on this Linux", tool("diff.py"), {}))
    found.append(("profiles of benchmarks", tool("profile_test.py"), {}))
    found.append(("recordings are complete", tool("record_test.py"), {}))
    found.append(("recordings, read", tool("replay_test.py"), {}))
    found.append(("disks", tool("disk_test.py"), {}))
    found.append(("the disk after halt", tool("halt_test.py"), {}))
    found.append(("losses of power", tool("crash.py", "--sample", "-s", "1"), {}))
    found.append(("the ISO", tool("iso_smoke.py"), {}))
    found.append(("screen and keyboard, on a BIOS and on UEFI", tool("screen_smoke.py"), {}))
    found.append(("the ISO on Bochs", tool("iso_smoke.py", "bochs"), {}))
    if (TOOLS / "gdb_test.py").exists():
        found.append(("the gdb commands", tool("gdb_test.py"), {}))
    found.append(("time travel in gdb", tool("travel_test.py"), {}))
    found.append(("machine and gdb side by side", tool("debug_test.py"), {}))
    return found


def run(name, command, settings, show):
    """Runs one part. Returns how many tests passed and how many failed.

    A part that fails without a "not ok" counts as one failure. Its standard error holds the reports
    of programs that are meant to be killed, and is shown only after a failure."""
    show(f"# {name}\n".encode())
    passed = failed = 0
    errors = tempfile.TemporaryFile()
    environment = {**os.environ, "TIMEOUT": machine.setting("TIMEOUT", "3600"), **settings}
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=environment
    ) as process:
        for line in process.stdout:
            show(line)
            passed += bool(re.match(rb"ok\b", line))
            failed += bool(re.match(rb"not ok\b", line))
    if process.returncode != 0 and not failed or passed + failed == 0:
        how = f"ended with {process.returncode} after {passed} tests passed"
        show(f"not ok - {name}: {how}\n".encode())
        failed += 1
    if failed:
        errors.seek(0)
        for line in errors:
            show(b"# " + line)
    return passed, failed


def run_all(todo):
    """Runs parts, AT_ONCE of them at the same time. Shows the output of each whole, in their order.

    Returns the result of each, as (passed, failed, seconds)."""
    shown = [SimpleQueue() for _ in todo]

    def carry_out(part, queue):
        start = time.monotonic()
        try:
            return *run(*part, queue.put), round(time.monotonic() - start)
        finally:
            queue.put(None)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = [pool.submit(carry_out, *job) for job in zip(todo, shown)]
        try:
            for queue in shown:
                while (line := queue.get()) is not None:
                    sys.stdout.buffer.write(line)
                    sys.stdout.flush()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [result.result() for result in results]


def main():
    for name in ("MAKEFLAGS", "MAKELEVEL"):
        os.environ.pop(name, None)
    todo = parts(sys.argv[1] if len(sys.argv) > 1 else "")
    results = run_all(todo)
    passed, failed, _ = (sum(column) for column in zip(*results))
    if len(todo) > LONGEST:
        times = sorted(((result[2], part[0]) for part, result in zip(todo, results)), reverse=True)
        print("# Longest: " + "; ".join(f"{name}, {n} s" for n, name in times[:LONGEST]))
    if failed:
        print("# Next: make test T=NAME runs one program of /test again. DEBUG=1 is for whoever "
              "changes the kernel: it checks more.")  # fmt: skip
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
