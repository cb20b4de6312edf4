#!/usr/bin/env python3
"""All tests:  test.py [NAME | --failures]   (NAME: only that one of the programs in /test; --failures: those programs
again and again, until each allocation of the kernel for them has failed once)

Each part is a command that prints a line "ok ..." or "not ok ..." for each of its tests, and ends
with 0 if all is well. Their output is shown as it comes. The last line is the sum; the exit status is
0 only if nothing failed."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
ROOT = TOOLS.parent


def tool(name, *arguments):
    return [sys.executable, str(TOOLS / name), *arguments]


def tests_named(prefix):
    return sorted(path.stem for path in (ROOT / "test/user").glob(prefix + "*.c"))


NO_TESTS = {"test", "failing", "runtests"}  # what tests are made with


def all_tests():
    return [name for name in tests_named("") if name not in NO_TESTS]


def programs(*arguments, silence=60):
    """The runner of the programs in /test. Each test has its time there; a machine that says nothing for longer is hung."""
    return tool("run.py", "--no-input", "--silence", str(silence), " ".join(["/test/runtests", *arguments]))


def small_machine_command():
    """All tests about the end of memory, and then something for the shell to do."""
    return programs(*tests_named("oom_"), "&& echo 'ok - afterwards a shell still works' | cat")


# Those that soon come to their end with each allocation failing.
FAILING_BRIEFLY = ["context", "proc_files", "signals", "system", "terminal"]


def failing_command(names):
    """These programs with the first, second, ... allocation failing. A test whose child was killed may wait for it in
    vain: so its time is short."""
    return programs("-t 1", f"-f {10**6}", *names, silence=3600)


def all_failing_parts():
    """One part a program. Not those that use up all memory, or make allocations fail themselves."""
    left_out = {*tests_named("oom_"), *tests_named("failing_")}
    names = [name for name in all_tests() if name not in left_out]
    return [(f"{name}, with each allocation failing", failing_command([name]), {"TIMEOUT": "3600"}) for name in names]


def parts(only):
    """(what is tested, the command, settings of its own), in the order in which they run."""
    if only == "--failures":
        return all_failing_parts()
    if only:
        if not set(only.split()) <= set(all_tests()):
            sys.exit(f"There is no test {only} in test/user. There are: {' '.join(all_tests())}")
        return [("the programs in /test", programs(only), {})]
    found = []
    if (ROOT / "test/host/Makefile").exists():
        found.append(("on the host", ["make", "--no-print-directory", "-s", "-C", str(ROOT / "test/host"), "test"], {}))
    found.append(("the programs in /test", programs(), {}))
    found.append(("the end of memory, in 32 MiB", small_machine_command(), {"MEM": "32M"}))
    found.append(("some programs, with each allocation failing", failing_command(FAILING_BRIEFLY), {}))
    found.append(("a session at the terminal", tool("session.py", "-s", "1", "-n", "25"), {}))
    found.append(("the ISO", tool("iso_smoke.py"), {}))
    found.append(("screen and keyboard, on a BIOS and on UEFI", tool("screen_smoke.py"), {}))
    found.append(("the ISO on Bochs", tool("iso_smoke.py", "bochs"), {}))
    if (TOOLS / "gdb_test.py").exists():
        found.append(("the gdb commands", tool("gdb_test.py"), {}))
    return found


def run(name, command, settings):
    """Runs one part; returns how many tests passed and failed. A part that fails without saying so is a failure too.
    What it says on standard error (the reports of programs that are meant to be killed) is shown if it fails."""
    print(f"# {name}", flush=True)
    passed = failed = 0
    errors = tempfile.TemporaryFile()
    environment = {**os.environ, **settings}
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=environment
    ) as process:
        for line in process.stdout:
            sys.stdout.buffer.write(line)
            sys.stdout.flush()
            passed += bool(re.match(rb"ok\b", line))
            failed += bool(re.match(rb"not ok\b", line))
    if process.returncode != 0 and not failed or passed + failed == 0:
        print(f"not ok - {name}: ended with {process.returncode} after {passed} tests passed", flush=True)
        failed += 1
    if failed:
        errors.seek(0)
        sys.stderr.buffer.write(errors.read())
        sys.stderr.flush()
    return passed, failed


def main():
    for name in ("MAKEFLAGS", "MAKELEVEL"):
        os.environ.pop(name, None)
    results = [run(*part) for part in parts(sys.argv[1] if len(sys.argv) > 1 else "")]
    passed, failed = (sum(column) for column in zip(*results))
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
