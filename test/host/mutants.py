#!/usr/bin/env python3
"""Do the tests notice it when the kernel is broken on purpose?

    mutants.py KERNEL BUILD [NAME...]     all of mutants/*.patch, or only these

Each patch says in its first line what it breaks. It is applied to a copy of KERNEL's sources in BUILD/mutants, which is
built, and tested in stages until one of them fails. The exit status is 0 if at least 95 % of the mutants are caught."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

HERE = Path(__file__).resolve().parent
FLOORS = ["kernel/mm", "kernel/vm", "kernel/lib", "include"]

# (what it is called in the report, the program and its arguments, seconds)
STAGES = [
    ("unit tests", ["fast/unit"], 120),
    ("random operations", ["fast/random", "-s", "1", "-t", "20", "-q"], 60),
    ("one preemption", ["fast/explore", "-p", "1", "-j", "1"], 600),
    ("unit tests, sanitized", ["asan/unit"], 300),
    ("random operations of two CPUs", ["fast/hunt", "-s", "1", "-t", "30"], 120),
    ("two preemptions", ["fast/explore", "-p", "2", "-j", "1"], 7200),
]


def make(kernel, build, common, *targets):
    command = ["make", "-s", "-C", str(HERE), f"KERNEL={kernel}", f"BUILD={build}", f"COMMON_BUILD={common}"]
    done = subprocess.run(command + [str(build / target) for target in targets], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{build}: does not build:\n{done.stderr}")


def first_failure(command, seconds):
    """Runs the tests until the first one fails: what it says; None: all is well."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               errors="replace", start_new_session=True)
    timer = threading.Timer(seconds, os.killpg, (process.pid, signal.SIGKILL))
    timer.start()
    says = None
    with process:
        for line in process.stdout:
            if line.startswith(("finding:", "panic:", "audit:", "SUMMARY:")):
                says = says or line.strip()
            if line.startswith("not ok"):
                timer.cancel()
                os.killpg(process.pid, signal.SIGKILL)
                return says or line.strip()
    timer.cancel()
    return says or "it hangs or dies" if process.returncode else None


def test(patch, kernel, build):
    """(the stage that caught it, what it said); ("", "") for a survivor."""
    tree = build / "mutants" / patch.stem
    shutil.rmtree(tree, ignore_errors=True)
    for floor in FLOORS:
        shutil.copytree(kernel / floor, tree / floor)
    with patch.open() as lines:
        subprocess.run(["patch", "-p1", "-s", "-d", str(tree)], stdin=lines, check=True)
    for stage, (program, *arguments), seconds in STAGES:
        make(tree, tree / "build", build, program)
        says = first_failure([str(tree / "build" / program), *arguments], seconds)
        if says:
            shutil.rmtree(tree)
            return stage, says
    return "", ""


def main():
    kernel, build = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    names = sys.argv[3:]
    patches = sorted(p for p in (HERE / "mutants").glob("*.patch") if not names or p.stem in names)
    make(kernel, build, build, *{program for _, (program, *_), _ in STAGES})

    survivors = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        tests = {pool.submit(test, patch, kernel, build): patch for patch in patches}
        for done in as_completed(tests):
            patch, (stage, says) = tests[done], done.result()
            survivors += not stage
            print(f"{'caught  ' if stage else 'SURVIVED'} {patch.stem}: {patch.open().readline().strip()}")
            print(f"         {'by ' + stage + ': ' + says if stage else 'by nobody'}", flush=True)
    caught = len(patches) - survivors
    print(f"{caught} of {len(patches)} mutants caught, {100 * caught / len(patches):.1f} %")
    sys.exit(caught < 0.95 * len(patches))


if __name__ == "__main__":
    main()
