#!/usr/bin/env python3
"""Tests whether the host tests notice a kernel that is broken on purpose.

    mutants.py run KERNEL BUILD [NAME...]      tests all of mutants/*.mutant, or the named ones
    mutants.py check KERNEL [NAME...]          lists the mutants that do not fit the sources

A mutant is a change in the form of tools/snippet.py. Its first line says what the change breaks.

For each mutant, `run` applies the change to a copy of KERNEL's sources below BUILD/mutants, and
builds the copy. Then `run` tests the copy in stages until one of them fails. Each CPU tests one
mutant at a time. If no stage catches a mutant, its copy stays. If a mutant does not fit the
sources, `run` reports it and tests nothing.

The exit status of `run` is 0 if all mutants fit and build, and the tests catch at least 95 %."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tools"))
from snippet import Change, Malformed, Stale, Tree

FLOORS = ["kernel/mm", "kernel/vm", "kernel/fs", "kernel/lib", "kernel/arch", "kernel/sched",
          "kernel/proc", "include"]
ENOUGH = 0.95

# (the name in the report, the program and its arguments, the limit in seconds)
STAGES = [
    ("unit tests", ["fast/unit"], 120),
    ("random operations", ["fast/random", "-s", "1", "-t", "20", "-q"], 60),
    ("one preemption", ["fast/explore", "-p", "1", "-j", "1"], 600),
    ("unit tests, sanitized", ["asan/unit"], 300),
    ("random operations of two CPUs", ["fast/hunt", "-s", "1", "-t", "30"], 120),
    ("two preemptions", ["fast/explore", "-p", "2", "-j", "1"], 7200),
]
SURVIVES, DOES_NOT_BUILD = "no stage", "does not build"


class Runner:
    """Builds and tests kernels. stop() kills the commands that are still running."""

    def __init__(self, build):
        self.build, self.lock, self.running, self.stopped = build, threading.Lock(), set(), False

    def run(self, command, seconds):
        """Runs a command, and returns its exit status and its lines.

        The command is killed after `seconds`, or at a line that begins with "not ok"."""
        env = {name: value for name, value in os.environ.items() if name != "MAKEFLAGS"}
        with self.lock:
            if self.stopped:
                raise InterruptedError
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                       text=True, errors="replace", start_new_session=True,
                                       env={**env, "MAKELEVEL": "1"})
            self.running.add(process)
        timer = threading.Timer(seconds, kill, (process,))
        timer.start()
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("not ok"):
                kill(process)
                break
        status = process.wait()
        timer.cancel()
        with self.lock:
            self.running.remove(process)
        return status, lines

    def stop(self):
        with self.lock:
            self.stopped = True
            for process in self.running:
                kill(process)

    def make(self, kernel, build, jobs, *programs):
        """Builds programs from the sources of `kernel`. Returns the errors, or None."""
        status, lines = self.run(["make", "-s", "-j", str(jobs), "-C", str(HERE),
                                  f"KERNEL={kernel}", f"BUILD={build}",
                                  f"COMMON_BUILD={self.build}",
                                  *(str(build / program) for program in programs)], 1200)
        return "\n".join(lines) or "make fails" if status else None

    def copy_objects(self, kernel, tree, kind):
        """Copies the objects of KERNEL, so that only what the mutant changes is compiled."""
        objects = tree / "build" / kind / "kernel"
        if objects.exists():
            return
        shutil.copytree(self.build / kind / "kernel", objects)
        for path in objects.rglob("*.d"):
            text = path.read_text().replace(str(self.build), str(tree / "build"))
            for floor in FLOORS:
                text = text.replace(f"{kernel / floor}/", f"{tree / floor}/")
            path.write_text(text)

    def first_failure(self, command, seconds):
        """Runs a test program. Returns the message of the first failure, or None if all pass."""
        status, lines = self.run(command, seconds)
        says = [line for line in lines
                if line.startswith(("finding:", "panic:", "audit:", "SUMMARY:", "not ok"))]
        return (says + ["it hangs or dies"])[0].strip() if status else None

    def test(self, mutant, kernel):
        """Returns the stage that catches a mutant, SURVIVES or DOES_NOT_BUILD, and a reason."""
        tree = self.build / "mutants" / mutant.path.stem
        shutil.rmtree(tree, ignore_errors=True)
        for floor in FLOORS:
            shutil.copytree(kernel / floor, tree / floor)
        sources = Tree(tree, FLOORS)
        sources.apply(mutant)
        sources.write()
        for stage, (program, *arguments), seconds in STAGES:
            self.copy_objects(kernel, tree, program.split("/")[0])
            refused = self.make(tree, tree / "build", 1, program)
            if refused:
                return DOES_NOT_BUILD, refused
            says = self.first_failure([str(tree / "build" / program), *arguments], seconds)
            if says:
                shutil.rmtree(tree)
                return stage, says
        return SURVIVES, f"its sources are in {tree}"


def kill(process):
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def misfits(mutants, kernel):
    """Prints the mutants that do not fit, and the differences. Returns their number."""
    sources, count = Tree(kernel, FLOORS), 0
    for mutant in mutants:
        try:
            sources.find_all(mutant)
        except Stale as stale:
            count += 1
            print(f"{mutant.path.stem}: {mutant.sentence}")
            print(textwrap.indent(str(stale), "    "))
    return count


def run(mutants, kernel, build):
    jobs = len(os.sched_getaffinity(0))
    runner, outcomes, began = Runner(build), Counter(), time.monotonic()
    refused = runner.make(kernel, build, jobs, *{program for _, (program, *_), _ in STAGES})
    if refused:
        sys.exit(refused)
    with ThreadPoolExecutor(jobs) as pool:
        tests = {pool.submit(runner.test, mutant, kernel): mutant for mutant in mutants}
        try:
            for number, done in enumerate(as_completed(tests), 1):
                mutant, (outcome, says) = tests[done], done.result()
                outcomes[outcome] += 1
                minutes, seconds = divmod(int(time.monotonic() - began), 60)
                print(f"[{number}/{len(mutants)}, {minutes}:{seconds:02}] {mutant.path.stem}: "
                      f"{mutant.sentence}\n    {outcome}: {says}", flush=True)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            runner.stop()
            raise

    print("\ncaught by")
    for outcome in [stage for stage, _, _ in STAGES] + [SURVIVES, DOES_NOT_BUILD]:
        if outcomes[outcome]:
            print(f"{outcomes[outcome]:5}  {outcome}")
    caught = len(mutants) - outcomes[SURVIVES] - outcomes[DOES_NOT_BUILD]
    print(f"{caught} of {len(mutants)} mutants caught, {100 * caught / len(mutants):.1f} %")
    return caught >= ENOUGH * len(mutants) and not outcomes[DOES_NOT_BUILD]


def main():
    verb, *arguments = sys.argv[1:] or [""]
    folders = {"run": 2, "check": 1}.get(verb)
    if not folders or len(arguments) < folders:
        sys.exit(__doc__)
    kernel, *build = (Path(folder).resolve() for folder in arguments[:folders])
    known = {path.stem: path for path in sorted((HERE / "mutants").glob("*.mutant"))}
    names = arguments[folders:] or list(known)
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"no such mutant: {' '.join(unknown)}")
    try:
        mutants = [Change(known[name]) for name in names]
    except Malformed as error:
        sys.exit(str(error))
    count = misfits(mutants, kernel)
    if verb == "check" or count:
        print(f"{len(mutants) - count} of {len(mutants)} mutants fit the sources")
        sys.exit(count > 0)
    sys.exit(not run(mutants, kernel, *build))


if __name__ == "__main__":
    main()
