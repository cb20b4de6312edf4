#!/usr/bin/env python3
"""Tests that recordings are complete:  record_test.py [--all]

Programs of /test run on 1, 2 and 4 CPUs, and all their events are recorded. The memory that
build/replay makes of these alone must be that of the machine at its end. With --all, all programs
of /test run.

Then the recording of one run is damaged in many ways, one at a time: an event is dropped, invented,
moved or changed, and the numbers of the others are made to fit. Each time, build/replay must find
it."""

import re
import struct
import subprocess
import sys

import machine
import record

PROGRAMS = ["cow_fork", "thread_calls"]

# The recording of it has nearly all kinds of events, and is short.
DAMAGED = "thread_calls"

HEADER, SIZE = 4096, 64
LIST = (machine.TOOLS.parent / "include/pagoda/event.h").read_text()
KINDS = ["none", *re.findall(r"\bX\((\w+), ", LIST)]

NO_EXECUTE = 1 << 63  # the bit of an entry

# A page that is read or written is no change of what replay rebuilds.
NOT_REBUILT = {"none", "page_in", "page_out"}


class Recording:
    """A recording in memory, of which damaged copies are made."""

    def __init__(self, path):
        data = path.read_bytes()
        self.header, body = data[:HEADER], data[HEADER:]
        self.events = [body[i : i + SIZE] for i in range(0, len(body), SIZE)]

    def indices(self, kind):
        number = KINDS.index(kind)
        return [n for n, event in enumerate(self.events) if event[16] == number]

    def middle(self, kind):
        """Returns the index of an event in the middle of those of a kind, or None."""
        found = self.indices(kind)
        return found[len(found) // 2] if found else None

    def words(self, n):
        return struct.unpack_from("<5Q", self.events[n], 24)

    def dropped(self, n):
        return self.events[:n] + self.events[n + 1 :]

    def repeated(self, n):
        return self.events[: n + 1] + self.events[n:]

    def changed(self, n, word, value):
        event = bytearray(self.events[n])
        struct.pack_into("<Q", event, 24 + 8 * word, value)
        return [*self.events[:n], bytes(event), *self.events[n + 1 :]]

    def exchanged(self, first, second):
        """Exchanges what two events tell, so that each keeps its time and CPU."""
        events = list(self.events)
        one, two = events[first], events[second]
        events[first] = one[:16] + two[16:17] + one[17:20] + two[20:]
        events[second] = two[:16] + one[16:17] + two[17:20] + one[20:]
        return events

    def write(self, events, path):
        with path.open("wb") as file:
            file.write(self.header)
            for n, event in enumerate(events):
                file.write(struct.pack("<I", n) + event[4:])


def next_of_same(recording, n, words):
    """Returns the next event of the kind of event n with the same words, or None."""
    kind, wanted = recording.events[n][16], [recording.words(n)[word] for word in words]
    for m in range(n + 1, len(recording.events)):
        same = recording.events[m][16] == kind
        if same and [recording.words(m)[word] for word in words] == wanted:
            return m
    return None


def next_of(recording, n, kind):
    return next(m for m in recording.indices(kind) if m > n)


def damages(recording):
    """Yields (what is damaged, the events)."""
    for kind in KINDS:
        n = recording.middle(kind)
        if kind not in NOT_REBUILT and n is not None:
            yield f"{kind} is dropped", recording.dropped(n)
    for kind in ("frame_alloc", "frame_get", "frame_put", "entry_set", "region_map", "tlb_flush",
                 "fault_begin", "table_copy", "vspace_new", "fork"):  # fmt: skip
        yield f"{kind} is invented", recording.repeated(recording.middle(kind))
    n = recording.middle("entry_set")
    later = next_of_same(recording, n, [0, 1])
    yield "two changes of an entry are exchanged", recording.exchanged(n, later)
    n = recording.middle("tlb_flush")
    later = next_of_same(recording, n, [1])
    yield "two flushes of a space are exchanged", recording.exchanged(n, later)
    n = recording.middle("fault_begin")
    later = next_of(recording, n, "fault_end")
    yield "a fault ends before it begins", recording.exchanged(n, later)
    n = recording.middle("frame_free")
    before = max(m for m in recording.indices("frame_put") if m < n)
    yield "a frame is freed before its last reference is put", recording.exchanged(before, n)
    n = recording.middle("switch")
    yield "two switches are exchanged", recording.exchanged(n, next_of(recording, n, "switch"))
    n = recording.middle("entry_set")
    yield "an entry has another right", recording.changed(n, 3, recording.words(n)[3] ^ NO_EXECUTE)
    n = recording.middle("region_map")
    yield "a region has another right", recording.changed(n, 3, recording.words(n)[3] ^ 2)


def report(passed, what, said=""):
    print(f"{'ok' if passed else 'not ok'} - {what}", flush=True)
    if not passed:
        print("".join(f"# {line}\n" for line in said.splitlines()[-20:]), end="", flush=True)
    return passed


def test_run(programs, cpus, directory, copy=None):
    """Records the programs, and compares."""
    command = " ".join(["/test/runtests", *programs])
    run, wrong, said = record.record(
        ["run.py", "--no-input", "--silence", "400", command], directory, copy, {"CPUS": str(cpus)},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    passed = run.returncode == 0 and wrong == 0 and "\n0 differences" in f"\n{said}"
    names = " ".join(programs) or "all programs"
    return report(passed, f"record, CPUS={cpus}: {names}", run.stdout + said)


def test_damages(path, memory, directory):
    recording, passed = Recording(path), True
    for what, events in damages(recording):
        damaged = directory / "damaged"
        recording.write(events, damaged)
        done = subprocess.run([record.REPLAY, "--memory", memory, damaged],
                              stdout=subprocess.PIPE, text=True, check=False)  # fmt: skip
        passed &= report(done.returncode == 1, f"record: {what}", done.stdout)
    return passed


def main():
    passed = True
    for cpus in (1, 2, 4):
        with record.workplace() as directory:
            passed &= test_run([] if "--all" in sys.argv else PROGRAMS, cpus, directory)
    with record.workplace() as directory:
        recording = directory / "recording"
        if test_run([DAMAGED], 2, directory, recording):
            passed &= test_damages(recording, directory / "memory", directory)
        else:
            passed = False
    sys.exit(not passed)


if __name__ == "__main__":
    main()
