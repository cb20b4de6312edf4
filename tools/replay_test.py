#!/usr/bin/env python3
"""Tests the commands of build/replay, by which a person reads a recording.

One run is recorded. Each transcript in docs/recording.md is repeated on it: a block that begins
with "(replay) COMMAND". Then the answers are compared with what the records themselves say.

The number of an event differs from build to build. A command of the document that contains the
number of an event is given the number that replay has shown in the same place."""

import os
import re
import struct
import subprocess
import sys
from collections import Counter

import machine
import record
import transcript

PROMPT = "(replay) "
DOCUMENT = machine.TOOLS.parent / "docs/recording.md"
COMMAND = "ls"

# Instructions are counted, so that no interrupt comes elsewhere on a busy host.
QEMUFLAGS = "-icount shift=3,sleep=off"

HEADER, SIZE = 4096, 64
LIST = (machine.TOOLS.parent / "include/pagoda/event.h").read_text()
KINDS = ["none", *re.findall(r"\bX\((\w+), ", LIST)]
OUTCOME_COPIED = 7

# Numbers of events, and others that the kernel's code changes.
VARIES = [(r"^ *\d+ (?=\d )", "N "), (r"(event|space|generation|spaces|from) \d+", r"\1 N"),
          (r"\d+ of \d+ events", "N of N events")]  # fmt: skip

WRONG = ["at", "at 99999999", "at x", "list foo", "list page=zz", "list outcome=foo", "why 0",
         "why 0x1000@0", "why 0x1000@99999999", "diff 1", "diff 9 8", "diff 1 2 3", "bogus",
         "list 5..3", "at 0 page=0x1000 pid=2", "at 9 pid=77", "at 9 pid=99999999999",
         "at 9 space=77", "at 9 frame=0x99999999", "why 0xffffffff80000000@9 pid=2",
         "list colour=3", "state 9 8", "state x"]  # fmt: skip


def report(passed, what, said=""):
    print(f"{'ok' if passed else 'not ok'} - {what}", flush=True)
    if not passed:
        print("".join(f"# {line}\n" for line in said.splitlines()[-30:]), end="", flush=True)
    return passed


class Replay:
    """A recording, and the commands on it."""

    def __init__(self, path):
        self.path = path
        body = path.read_bytes()[HEADER:]
        self.kinds = [body[at + 16] for at in range(0, len(body), SIZE)]
        self.body = body

    def words(self, n):
        return struct.unpack_from("<5Q", self.body, n * SIZE + 24)

    def run(self, *words):
        """Returns (status, output, messages) of a command."""
        done = subprocess.run([record.REPLAY, self.path, *words], capture_output=True, text=True,
                              check=False, cwd=machine.TOOLS.parent)  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    def say(self, command):
        status, said, message = self.run(*command.split())
        if status != 0:
            raise RuntimeError(f"{command}: status {status}: {message}")
        return said


# ---- The transcripts of the document ----


def steps(markdown):
    """Yields (line's number, command, the lines that follow) for each command in the document."""
    return transcript.steps(markdown.replace(PROMPT, transcript.PROMPT))


def plain(line):
    for pattern, instead in VARIES:
        line = re.sub(pattern, instead, line)
    return transcript.plain(line)


def pairs(shown, said):
    """Returns the pairs of a line of the document and one of replay, or None if they differ."""
    if not shown:
        return None if said else []
    if shown[0] == "...":
        for n in range(len(said) + 1):
            found = pairs(shown[1:], said[n:])
            if found is not None:
                return found
        return None
    if not said or plain(shown[0]) != plain(said[0]):
        return None
    rest = pairs(shown[1:], said[1:])
    return None if rest is None else [(shown[0], said[0]), *rest]


def check_document(replay):
    passed, numbers = True, {}
    for line, command, shown in steps(DOCUMENT.read_text()):
        actual = re.sub(r"(?<![\w=])\d+", lambda found: numbers.get(found[0], found[0]), command)
        status, said, message = replay.run(*actual.split())
        matched = pairs(shown, transcript.lines(said)) if status == 0 else None
        what = f"docs/recording.md:{line}: {command}"
        passed &= report(matched is not None, what, f"{actual}\n{said}{message}")
        for ours, theirs in matched or []:
            first, second = (re.match(r" *(\d+) \d ", text) for text in (ours, theirs))
            if first and second:
                numbers[first[1]] = second[1]
    return passed


# ---- Answers that can be computed in another way ----


def last_line(text):
    return text.splitlines()[-1]


def check_lists(replay):
    counts, events = Counter(replay.kinds), len(replay.kinds)
    wrong = [
        kind for number, kind in enumerate(KINDS) if number > 0
        and last_line(replay.say(f"list {kind}")) != f"{counts[number]} of {events} events"
    ]  # fmt: skip
    passed = report(not wrong, "list finds all events of each kind", " ".join(wrong))
    end, alloc = KINDS.index("fault_end"), KINDS.index("frame_alloc")
    copied = sum(kind == end and replay.words(n)[2] == OUTCOME_COPIED
                 for n, kind in enumerate(replay.kinds))  # fmt: skip
    said = replay.say("list outcome=copied")
    passed &= report(copied > 0 and said.count("\n") == copied + 1, "list finds an outcome", said)
    frame = next(replay.words(n)[0] for n, kind in enumerate(replay.kinds) if kind == alloc)
    about = last_line(replay.say(f"list frame_alloc frame={frame}"))
    count = sum(kind == alloc and replay.words(n)[0] <= frame < replay.words(n)[0]
                + (1 << replay.words(n)[2]) for n, kind in enumerate(replay.kinds))  # fmt: skip
    passed &= report(about == f"{count} of {events} events", "list finds a frame", about)
    ranged = replay.say("list 10..19")
    passed &= report(ranged.count("\n") == 11, "list shows a range", ranged)
    begin = KINDS.index("fault_begin")
    count = sum(kind == begin and replay.words(n)[0] == 3 for n, kind in enumerate(replay.kinds))
    about = last_line(replay.say("list fault_begin space=3"))
    passed &= report(about == f"{count} of {events} events", "list finds a space", about)
    both = replay.say("list frames 10..19 threads tables faults")
    good = both.endswith(" of 10 events\n") and both.count("\n") > 1
    return passed & report(good, "list shows kinds of a range", both)


def moments(replay):
    """Returns the forks, right after which much is shared."""
    return [n for n, kind in enumerate(replay.kinds) if kind == KINDS.index("fork")]


def check_frames(replay):
    """Right after a fork, the kernel holds no table and no anonymous page itself."""
    n = moments(replay)[-1]
    walk = replay.say(f"at {n} page=0x7fffffffe000")
    frames = re.findall(r"frame (0x[0-9a-f]+) \[", walk)
    said = "".join(replay.say(f"at {n} frame={frame}") for frame in frames)
    owners = len(frames) == 4 and "the kernel holds" not in said
    passed = report(owners, "at: the owners of a frame are as many as its references", walk + said)
    both = bool(re.search(r"in space \d+.*\n *in space \d+", said))
    return passed & report(both, "at: a shared table is that of two spaces", said)


def check_moments(replay):
    n = moments(replay)[-1]
    nothing = replay.say(f"diff {n} {n}")
    passed = report("region" not in nothing and "->" not in nothing, "diff: nothing", nothing)
    first, second = replay.say(f"state {n}"), replay.say(f"state 9 {n}")
    passed &= report(first.count("\nprocess ") == 3 and second.endswith(first), "state", first)
    # At the end, the processes are gone.
    said = replay.say(f"at {len(replay.kinds) - 1}")
    rows = [line for line in said.splitlines() if re.fullmatch(r" +\d+ +\d+ .*[a-z]", line)]
    passed &= report(len(rows) == 1 and rows[0].endswith(" init"), "at: the end", said)
    wrong = []
    for command in WRONG:
        status, _, message = replay.run(*command.split())
        if status != 1 or not message.startswith("replay: "):
            wrong.append(f"{command}: status {status}: {message}")
    return passed & report(not wrong, "what is wrong gets a message", "\n".join(wrong))


def check_files(replay, directory):
    """A file that is no whole recording gets a message, or is read up to where it ends."""
    passed = True
    data = replay.path.read_bytes()
    for what, content, wanted in (
        ("an empty file", b"", 1),
        ("another file", b"\x7fELF" * 2000, 1),
        ("another version", data[:8] + b"\x63" + data[9:HEADER], 1),
        ("no events", data[:HEADER], 1),
        ("a gap", data[: HEADER + 10 * SIZE] + data[HEADER + 11 * SIZE :], 1),
        ("a part of a record at the end", data[: HEADER + 100 * SIZE + 7], 0),
    ):
        path = directory / "broken"
        path.write_bytes(content)
        done = subprocess.run([record.REPLAY, path, "list", "0..3"], capture_output=True,
                              text=True, check=False)  # fmt: skip
        good = done.returncode == wanted and (wanted == 0 or "replay: " in done.stderr)
        passed &= report(good, f"replay: {what}", done.stdout + done.stderr)
    done = subprocess.run([record.REPLAY, "/nowhere", "list"], capture_output=True, text=True,
                          check=False)  # fmt: skip
    good = done.returncode == 1 and done.stderr == "replay: /nowhere: No such file or directory\n"
    return passed & report(good, "replay: no file", done.stdout + done.stderr)


def check_script(replay):
    """Commands can come from a pipe, and a wrong one does not end the others."""
    done = subprocess.run([record.REPLAY, replay.path, "-"], input="bogus\n\nlist 0..1\nquit\nat\n",
                          capture_output=True, text=True, check=False)  # fmt: skip
    good = done.returncode == 1 and "2 of 2 events" in done.stdout and done.stderr.count("\n") == 1
    return report(good, "replay: commands from a pipe", done.stdout + done.stderr)


def main():
    os.environ.pop("KERNEL", None)
    os.environ["QEMUFLAGS"] = f"{QEMUFLAGS} {machine.setting('QEMUFLAGS', '')}"
    with record.workplace() as directory:
        path = directory / "recording"
        run, wrong, said = record.record(
            ["run.py", "--no-input", "--silence", "400", COMMAND], directory, path, {"CPUS": "1"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        if not report(run.returncode == 0 and wrong == 0, "a run is recorded", run.stdout + said):
            sys.exit(1)
        replay = Replay(path)
        passed = check_document(replay)
        passed &= check_lists(replay)
        passed &= check_frames(replay)
        passed &= check_moments(replay)
        passed &= check_script(replay)
        passed &= check_files(replay, directory)
    sys.exit(not passed)


if __name__ == "__main__":
    main()
