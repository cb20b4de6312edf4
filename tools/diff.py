#!/usr/bin/env python3
"""Compares Pagoda with this machine's Linux:  diff.py [-t SECONDS] [-s SEED] [-c CASE] [NAME...]

Runs the generators in test/diff on both, with the same seed, and compares what they say. A
generator does random things in numbered cases, and prints a hash of each (test/diff/generator.h).
Where hashes differ, the case runs again and prints its steps; the first step that differs is looked
up in test/diff/known.md. Steps that a new difference does not need are left out, and what remains
is shown.

Without -t, a fixed number of cases runs; without -s, the seed is 1. With -c, one case is shown in
full. Prints a TAP line for each generator.

On Linux, the generators run in a new directory, which is removed afterwards. If we are root, they
run as the user 65534, which owns nothing else."""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import diff_keys
import machine

ROOT = machine.TOOLS.parent
KNOWN = ROOT / "test/diff/known.md"
PROGRAMS = machine.BUILD / "root/diff"
NOBODY = 65534

# The generators, each with the number of cases that the sample runs.
SAMPLE = {"memory": 500, "mapping": 200, "exception": 500, "elf": 250, "file": 300, "keys": 500,
          "terminal": 100}  # fmt: skip

BATCH_FIRST, BATCH_SECONDS = 50, 15
# Differences that are explained in one run, shown of one kind, and shrunk.
EXPLAINED_AT_ONCE, OF_A_KIND_MAX, SHRUNK_MAX = 100, 3, 4
WORDS_MAX = 400  # characters of a line that is shown
RUN_SECONDS = 3000


class Failure(Exception):
    """One of the two could not run a script to its end."""


# ---- The two kernels ----


class Linux:
    """Runs shell scripts in a directory of their own. {bin} is the directory of the generators."""

    def __init__(self):
        shared = Path("/dev/shm")  # a tmpfs, as Pagoda's file system is
        usable = shared.is_dir() and os.access(shared, os.W_OK)
        usable = usable and not os.statvfs(shared).f_flag & os.ST_NOEXEC
        self.directory = tempfile.mkdtemp(prefix="pagoda-", dir=shared if usable else None)
        self.identity = {}
        if os.getuid() == 0:
            os.chown(self.directory, NOBODY, NOBODY)
            self.identity = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        self.bin = Path(self.directory) / ".bin"
        shutil.copytree(PROGRAMS, self.bin)

    def start(self, script):
        """Starts a script, and returns a function that waits for its output."""
        process = subprocess.Popen(
            ["sh", "-c", "ulimit -c 0; " + script.format(bin=self.bin)], cwd=self.directory,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, umask=0o22,
            env={"PATH": os.environ["PATH"]}, start_new_session=True, **self.identity,
        )  # fmt: skip

        def finish():
            try:
                output, errors = process.communicate(timeout=RUN_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                output, errors = process.communicate()
                raise Failure(f"Linux needs more than {RUN_SECONDS} s for: {script}") from None
            if process.returncode != 0:
                raise Failure(f"on Linux: status {process.returncode}: {errors.decode()}")
            return output.decode(errors="replace")

        return finish

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)


class Pagoda:
    """Runs each shell script in a machine of its own, and counts its references afterwards."""

    def start(self, script):
        command = "cd /tmp; " + script.format(bin="/diff") + " && audit"
        environment = {**os.environ, "PAGODA_ARCHIVES": "initrd.cpio diff.cpio"}
        runner = [sys.executable, str(machine.TOOLS / "run.py"), "--no-input", "--silence", "400"]
        errors = tempfile.TemporaryFile()
        process = subprocess.Popen(
            [*runner, command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
            env=environment,
        )  # fmt: skip

        def finish():
            output, _ = process.communicate()
            if process.returncode != 0:
                errors.seek(0)
                log = errors.read().decode(errors="replace")[-4000:]
                last = output.decode(errors="replace")[-400:]
                raise Failure(f"on Pagoda: status {process.returncode} after:\n{last}\n{log}")
            return output.decode(errors="replace")

        return finish


# ---- Known differences ----


def glob_pattern(text):
    """Returns a pattern for a text in which * stands for anything, and ? for one character."""
    escaped = re.escape(text).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(escaped, re.S)


def read_known():
    """Returns (generator, pattern of Linux's words, of Pagoda's) for each row of the list."""
    rows = []
    for line in KNOWN.read_text().splitlines():
        found = re.fullmatch(r"\| (\w+) \| `([^`]*)` \| `([^`]*)` \| .+ \|", line)
        if found:
            rows.append((found[1], glob_pattern(found[2]), glob_pattern(found[3])))
    return rows


def calls_in_table():
    return set(re.findall(r"\bX\((\w+)\)", (ROOT / "include/sys/calls.h").read_text()))


def calls_left_out(name):
    """Returns the system calls that the generator would make and Pagoda lacks."""
    source = (ROOT / f"test/diff/{name}.c").read_text()
    return sorted(set(re.findall(r'\{"(\w+)", \d+,', source)) - calls_in_table())


# ---- Comparing ----


def cut(one, two):
    """Returns two texts without what is far from their first difference."""
    same = next((i for i, (a, b) in enumerate(zip(one, two)) if a != b), min(len(one), len(two)))
    start = 0 if same < WORDS_MAX // 2 else same - WORDS_MAX // 4
    return [("... " if start else "") + text[start : start + WORDS_MAX] for text in (one, two)]


def kinds(difference):
    """Returns what the step was, without its arguments: "mmap = EINVAL / mmap = ENOMEM"."""
    found = []
    for words in difference[1:]:
        name, result = re.match(r"[a-z_ ]*", words)[0], re.search(r" = [A-Z]\w+", words)
        found.append(name + (result[0] if result else ""))
    return " / ".join(found)


class Comparison:
    """One generator with one seed on both kernels."""

    def __init__(self, name, seed, linux):
        self.name, self.seed = name, seed
        self.linux, self.kernels = linux, [linux, Pagoda()]
        self.known = [row[1:] for row in read_known() if row[0] == name]
        missing = calls_left_out(name)
        self.options = f" -w {','.join(missing)}" if missing else ""
        self.cases = self.known_cases = 0
        self.shown = {}  # signature of a difference: number of cases that have it

    def command(self, first, count, options=""):
        return f"{{bin}}/{self.name}{self.options}{options} {self.seed} {first} {count}"

    def both(self, script):
        """Returns the output of a script on Linux and on Pagoda."""
        finishers = [kernel.start(script) for kernel in self.kernels]
        results = []
        for finish in finishers:
            try:
                results.append(finish())
            except Failure as failure:
                results.append(failure)
        for result in results:
            if isinstance(result, Failure):
                raise result
        return results

    def batch(self, first, count):
        """Compares these cases. Returns the numbers of those that differ."""
        hashes = [dict(re.findall(r"^case (\d+) (\w+)$", text, re.M))
                  for text in self.both(self.command(first, count))]  # fmt: skip
        self.cases += count
        cases = [str(number) for number in range(first, first + count)]
        return [int(n) for n in cases if hashes[0].get(n) != hashes[1].get(n)]

    def words(self, runs):
        """Runs (case, steps or None) with all words. Returns the lines of each on both kernels."""
        script = "; ".join(
            self.command(case, 1, " -v" + (f" -k {','.join(map(str, steps))}" if steps else ""))
            for case, steps in runs
        )
        texts = self.both(script)
        lines = [re.split(r"^case \d+ \w+\n", text, flags=re.M)[: len(runs)] for text in texts]
        return [tuple(text.splitlines() for text in pair) for pair in zip(*lines)]

    def first_difference(self, pair):
        """Returns (step, Linux's words, Pagoda's) where the lines differ first, or None."""
        linux, pagoda = ([line.partition(" ") for line in lines] for lines in pair)
        for index in range(max(len(linux), len(pagoda))):
            one = linux[index] if index < len(linux) else ("", "", "nothing")
            two = pagoda[index] if index < len(pagoda) else ("", "", "nothing")
            if one != two:
                step = (one[0] or two[0]).partition(".")[2]
                return step, one[2], two[2]
        return None

    def is_known(self, difference):
        _, linux, pagoda = difference
        return any(a.fullmatch(linux) and b.fullmatch(pagoda) for a, b in self.known)

    def explain(self, cases):
        """Looks for new differences in these cases, and shows them."""
        for start in range(0, len(cases), EXPLAINED_AT_ONCE):
            some = cases[start : start + EXPLAINED_AT_ONCE]
            self.explain_some(some, self.words([(case, None) for case in some]))

    def explain_some(self, cases, pairs):
        for case, pair in zip(cases, pairs):
            difference = self.first_difference(pair)
            if not difference:
                self.show(case, ("?", "the hash differs, the words do not", "it is random"), pair)
            elif self.is_known(difference):
                self.known_cases += 1
            else:
                self.show(case, difference, pair)

    def show(self, case, difference, pair):
        signature = kinds(difference)
        self.shown[signature] = self.shown.get(signature, 0) + 1
        if self.shown[signature] > OF_A_KIND_MAX:
            return
        step, linux, pagoda = difference[0], *cut(*difference[1:])
        print(f"# {self.name}: seed {self.seed}, case {case}, step {step} differs")
        print(f"#   Linux:  {linux}\n#   Pagoda: {pagoda}")
        if step.isdigit() and len(self.shown) <= SHRUNK_MAX:
            for line in self.shrink(case, int(step), pair):
                print(f"#     {line[: 2 * WORDS_MAX]}")
        print(f"#   Again: make test-diff T={self.name} SEED={self.seed} CASE={case}", flush=True)

    def shrink(self, case, step, pair):
        """Leaves out steps before `step` as long as a difference of the same kind remains.

        Returns Linux's words for the steps that remain."""
        steps = [int(line.partition(" ")[0].partition(".")[2]) for line in pair[0][:step + 1]
                 if re.match(r"\d+\.\d+ ", line)]  # fmt: skip
        steps = [n for n in steps if n < step]
        sought = kinds(self.first_difference(pair))

        def is_same(result):
            return self.is_new(result) and kinds(self.first_difference(result)) == sought

        kept = pair[0][: step + 1]
        size = max(1, len(steps) // 2)
        while steps:
            parts = [steps[i : i + size] for i in range(0, len(steps), size)]
            rests = [[n for n in steps if n not in part] for part in parts]
            results = self.words([(case, [*rest, step]) for rest in rests])
            good = [i for i, result in enumerate(results) if is_same(result)]
            removable = {n for i in good for n in parts[i]}
            together = [n for n in steps if n not in removable]
            if len(good) > 1:
                results.append(self.words([(case, [*together, step])])[0])
                if is_same(results[-1]):
                    steps, kept = together, results[-1][0]
                    size = max(1, min(size, len(steps)) // 2)
                    continue
            if good:
                steps, kept = rests[good[0]], results[good[0]][0]
            elif size == 1:
                break
            size = max(1, size // 2)
        return kept

    def is_new(self, pair):
        difference = self.first_difference(pair)
        return difference and not self.is_known(difference)

    def run(self, sample, seconds):
        """Runs `sample` cases, or as many as fit in `seconds`. Returns true without a new
        difference."""
        begin, first, size = time.monotonic(), 0, sample
        if seconds is not None:
            size = BATCH_FIRST
        while first == 0 or seconds is not None and time.monotonic() - begin < seconds:
            started = time.monotonic()
            different = self.batch(first, size)
            took = time.monotonic() - started
            first += size
            if different:
                self.explain(different)
            print(f"# {self.name}: seed {self.seed}, {self.cases} cases, "
                  f"{self.known_cases} with a known difference, {sum(self.shown.values())} with a "
                  f"new one, {time.monotonic() - begin:.0f} s", flush=True)  # fmt: skip
            size = max(10, int(size * min(4, BATCH_SECONDS / took)))
        return not self.shown

    def show_case(self, case):
        """Prints both kernels' words for one case."""
        pair = self.words([(case, None)])[0]
        for index in range(max(map(len, pair))):
            one, two = (lines[index] if index < len(lines) else "nothing" for lines in pair)
            print(f"  {one}" if one == two else f"L {one}\nP {two}")
        return not self.is_new(pair)


class KeysComparison(Comparison):
    """The generator whose output is what a terminal shows. Its cases are small, and not shrunk."""

    def batch(self, first, count):
        *self.results, problems = diff_keys.run(self.linux, self.seed, first, count)
        both = [n for n in range(first, first + count) if all(self.result(n))]
        self.cases += len(both)
        different = [n for n in both if not diff_keys.is_same(*self.result(n))]
        if problems and not different:
            raise Failure(problems[0])
        return different

    def result(self, case):
        return [results.get(case) for results in self.results]

    def difference(self, case):
        """Returns ("?", Linux's words, Pagoda's), as for a step."""
        words = []
        for result in self.result(case):
            if result:
                mode, parts, output, read = result
                typed = ", ".join(str(bytes.fromhex(part))[1:] for part in parts)
                words.append(f"{mode} typed {typed}: output {str(output)[1:]}; {read}")
            else:
                words.append("nothing")
        return "?", *words

    def explain(self, cases):
        def size(case):
            return len("".join(map(str, self.result(case))))

        for case in sorted(cases, key=size):
            difference = self.difference(case)
            if self.is_known(difference):
                self.known_cases += 1
            else:
                self.show(case, difference, None)

    def show_case(self, case):
        different = self.batch(case, 1)
        _, linux, pagoda = self.difference(case)
        print(f"L {linux}\nP {pagoda}")
        return not different


def can_run_here():
    return os.uname().sysname == "Linux" and os.uname().machine == "x86_64"


def main():
    if not can_run_here():
        print("ok - diff # SKIP the programs of Pagoda do not run on this machine")
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("-t", "--seconds", type=float)
    parser.add_argument("-s", "--seed", type=int, default=1)
    parser.add_argument("-c", "--case", type=int)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    names = [name for words in options.names for name in words.split()] or list(SAMPLE)
    if unknown := set(names) - set(SAMPLE):
        sys.exit(f"test/diff has no {' '.join(unknown)}. Choose from: {' '.join(SAMPLE)}")
    linux = Linux()
    failed = 0
    try:
        for name in names:
            chosen = KeysComparison if name == "keys" else Comparison
            comparison = chosen(name, options.seed, linux)
            try:
                if options.case is not None:
                    same = comparison.show_case(options.case)
                else:
                    share = options.seconds and options.seconds / len(names)
                    same = comparison.run(SAMPLE[name], share)
            except Failure as failure:
                print("\n".join(f"# {line}" for line in str(failure).splitlines()))
                same = False
            what = f"{name}: Pagoda does what Linux does, with seed {options.seed}"
            print(f"{'ok' if same else 'not ok'} - diff: {what}", flush=True)
            failed += not same
    finally:
        linux.remove()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    main()
