#!/usr/bin/env python3
"""Makes classic mistakes in copies of the kernel, and checks that the reports say what is wrong:

    mistakes_test.py [NAME...]

A mistake is a file test/mistakes/NAME.mistake. Its first line says what is wrong, and its snippets
make it so (tools/snippet.py). Each breaks the first program, or the first fork, and the
machine must end within ten seconds, on a host that has time. What is said must match each line
"report: PATTERN", and name the rule of docs/design.md in the line "rule: NUMBER". A line "debug:
PATTERN" counts only if DEBUG=1 is in the environment; if a mistake has no other, a release kernel
does not notice it. The copies are built with the same settings as build/pagoda.elf.
docs/debugging.md has a row for each. Prints TAP lines, with the seconds from the start of the
machine to its end."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import machine
from snippet import Change, Stale, Tree

ROOT = machine.TOOLS.parent
MISTAKES = ROOT / "test/mistakes"
DOCUMENT = "docs/debugging.md"
COPIED = ["Makefile", "linker.ld", "kernel", "include", "tools"]
BUILT = ["flags", "include-links", "kernel", "font.psf", "ksyms-none.S"]
COMMAND = "ls /; audit"
SILENCE, SECONDS = 60, 600  # far more than a host that is busy needs
AT_ONCE = 2


def rule_of(text):
    """Returns the number of the rule that a mistake breaks."""
    return re.search(r"^rule: (\d)$", text, re.M)[1]


class Mistake:
    def __init__(self, path):
        self.name, self.change = path.stem, Change(path)
        text = path.read_text()
        kinds = "report|debug" if machine.setting("DEBUG", "") == "1" else "report"
        self.patterns = re.findall(rf"^(?:{kinds}): (.+)$", text, re.M)
        if self.patterns:
            self.patterns.append(rf"(?m)^rule {rule_of(text)} of docs/design\.md: ")


def readable(pattern):
    """Returns a pattern as a person reads it: its first alternative, "..." for what varies."""
    for part, instead in (
        (r"\((?: \\w\+)\)\?", ""),  # a word that may be missing
        (r"(?<!\\)\|(?![^(]*(?<!\\)\)).*", ""),  # alternatives of the whole
        (r"(?<!\\)\(([^|()]*)\|[^()]*\)", r"\1"),  # alternatives in brackets
        (r"\\w(?:\+|\{16\})-?(?:\\w\+)?|\\w\\w|\\d\+|\.\*", "..."),
        (r"\\", ""),
    ):  # fmt: skip
        pattern = re.sub(part, instead, pattern)
    return pattern


def row(path):
    """Returns the row of a mistake in the document's table."""
    text = path.read_text()
    kind, pattern = re.search(r"^(report|debug): (.+)$", text, re.M).groups()
    only = " (`DEBUG=1`)" if kind == "debug" else ""
    return f"| {path.stem} | {text.splitlines()[0]} | {readable(pattern)}{only} | {rule_of(text)} |"


def missing_rows():
    """Returns the rows that the document lacks, and those that name no mistake."""
    rows = [row(path) for path in sorted(MISTAKES.glob("*.mistake"))]
    text = (ROOT / DOCUMENT).read_text().partition("| mistake | what is wrong |")[2]
    found = re.findall(r"^\| [a-z].*\|$", text, re.M)
    return sorted(set(rows) ^ set(found))


class Copy:
    """A copy of the sources and the objects, in which one mistake after the other is made."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir()
        for name in COPIED:
            self.copy(ROOT / name, self.folder / name)
        (self.folder / "build").mkdir()
        for name in BUILT:
            self.copy(machine.BUILD / name, self.folder / "build" / name)

    @staticmethod
    def copy(source, target):
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)
        elif source.exists():
            shutil.copy2(source, target)

    def build(self, mistake):
        """Returns the output of the compiler, or "" if the kernel with the mistake is built."""
        tree = Tree(self.folder, ["kernel", "include"])
        before = {path: tokens.text for path, tokens in tree.files.items()}
        tree.apply(mistake.change)
        changed = {path: path.stat().st_mtime for path in tree.changed}
        tree.write()
        try:
            done = subprocess.run(["make", "-s", "build/pagoda.elf"], cwd=self.folder, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
        finally:
            for path, time in changed.items():
                path.write_text(before[path])
                self.restore_object(path, time)
        return done.stdout if done.returncode else ""

    def restore_object(self, source, time):
        """Makes the object of a source the original one again, which saves a compilation."""
        part = Path("build", f"{source.relative_to(self.folder)}.o")
        if source.suffix == ".c":
            shutil.copy2(ROOT / part, self.folder / part)
            os.utime(source, (time, time))

    def run(self):
        """Returns run.py's status, all that it says, and the seconds that it takes."""
        start = time.monotonic()
        done = subprocess.run(
            [sys.executable, machine.TOOLS / "run.py", "--no-input", "--silence", str(SILENCE),
             COMMAND],
            env={**os.environ, "PAGODA_KERNEL": str(self.folder / "build/pagoda.elf")},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=SECONDS,
        )  # fmt: skip
        return done.returncode, done.stdout.decode(errors="replace"), time.monotonic() - start


def carry_out(mistake, copies):
    """Returns (what is wrong with the report, what was said, in how many seconds)."""
    copy = copies.get()
    try:
        if problem := copy.build(mistake):
            return ["it does not build"], problem, 0
        status, said, seconds = copy.run()
    except Stale as stale:
        return [f"{stale}"], "", 0
    finally:
        copies.put(copy)
    wrong = [f"no {pattern}" for pattern in mistake.patterns if not re.search(pattern, said)]
    if status == machine.HUNG:
        wrong.append("the machine does not end")
    if status == 0 and mistake.patterns:
        wrong.append("the command succeeds")
    return wrong, said, seconds


def report(mistake, wrong, said, seconds):
    """Prints the result. Returns true if the report was right."""
    result = "not ok" if wrong else "ok"
    print(f"{result} - {mistake.name}: {mistake.change.sentence} ({seconds:.1f} s)", flush=True)
    for line in [*wrong, *said.splitlines()[-60:]] if wrong else []:
        print(f"# {line}")
    return not wrong


def report_table():
    """Prints whether the document's table is that of the files. Returns true if it is."""
    wrong = missing_rows()
    print(f"{'not ok' if wrong else 'ok'} - {DOCUMENT} has a row for each mistake")
    print("".join(f"# {line}\n" for line in wrong), end="", flush=True)
    return not wrong


def main():
    is_listed = report_table()
    paths = [MISTAKES / f"{name}.mistake" for name in sys.argv[1:]]
    mistakes = [Mistake(path) for path in paths or sorted(MISTAKES.glob("*.mistake"))]
    for name in ("MAKEFLAGS", "MAKELEVEL"):
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory(prefix="pagoda-") as folder:
        copies = SimpleQueue()
        for n in range(AT_ONCE):
            copies.put(Copy(Path(folder) / str(n)))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            results = pool.map(lambda mistake: carry_out(mistake, copies), mistakes)
            right = [report(mistake, *result) for mistake, result in zip(mistakes, results)]
    sys.exit(not (is_listed and all(right)))


if __name__ == "__main__":
    main()
