"""Events: the last ones of each CPU, and what they concern (docs/recording.md)."""

import functools
import struct

import gdb
import frames
import kernel
import tables
from command import Command

RECORD = struct.Struct("<IIQBBHI5Q")  # struct event of include/pagoda/event.h
SHOWN = 32
FRAME_WORDS = {"frame", "table", "copy", "source"}
ENTRY_WORDS = {"old", "new"}
PAGE_EVENTS = {"fault_begin": 1, "fault_end": 1}  # the word that is the address
RANGE_EVENTS = {"region_map": 1, "region_change": 1, "region_unmap": 1, "tlb_flush": 2}


def ring_size():
    """Returns how many events each CPU keeps: as many as /proc/events shows."""
    return int(kernel.variable("ring_size"))


@functools.lru_cache(maxsize=1)
def kinds():
    """Returns {number: (name, [the names of its words])}, read from the kernel."""
    names = kernel.variable("event_names")
    first, last = names.type.range()
    found = {}
    for n in range(first, last + 1):
        words = [kernel.string(names[n]["words"][w]) for w in range(5)]
        found[n + 1] = (kernel.string(names[n]["name"]), [word for word in words if word])
    return found


def place(address):
    """Returns a return address in words: "entry_replace+0xc4"."""
    name, _, offset = kernel.symbol(address - 1).partition(" + ")
    return name if name.startswith("0x") else f"{name}+{int(offset or 0) + 1:#x}"


class Event:
    """One record."""

    def __init__(self, fields, known):
        self.fields = fields
        self.seq, self.place, self.time, kind, self.cpu, _, self.thread = fields[:7]
        self.name, self.names = known.get(kind, ("?", []))
        self.words = fields[7:]

    def word(self, name):
        return self.words[self.names.index(name)]

    def text(self):
        words = "".join(f" {name}={place(word) if name == 'caller' else hex(word)}"
                        for name, word in zip(self.names, self.words))  # fmt: skip
        return (f"{self.seq} cpu {self.cpu} tid {self.thread} {self.name}{words} "
                f"at={place(kernel.KERNEL_BASE | self.place)}")


def parse(data, known):
    """Yields the events in bytes."""
    for fields in RECORD.iter_unpack(data):
        yield Event(fields, known)


def kept():
    """Returns the events in the rings of all CPUs, in their order. In a recorded run, these are all
    events since its start."""
    import travel

    if travel.machine.recording:
        return travel.machine.made()
    known, found = kinds(), []
    rings, size = kernel.variable("event_rings"), ring_size()
    for cpu in range(kernel.cpu_count()):
        first, made = int(rings[cpu]["events"]), int(rings[cpu]["made"])
        if first and made:
            data = kernel.read(first, min(made, size) * RECORD.size)
            found += parse(data, known)
    if not found:
        raise gdb.GdbError("this kernel keeps no events: build it with DEBUG=1, or put the word "
                           "events on its command line (APPEND=events)")
    return sorted(found, key=lambda event: event.seq)


class Subject:
    """A frame, or an address with the entries that lead to it, about which events can be."""

    def __init__(self, text):
        value = kernel.number(text)
        self.pfn = self.page = None
        self.path = set()
        if frames.is_known(value):
            self.pfn = value
        elif value >= kernel.DIRECT_MAP:
            self.pfn = frames.choose(text)
        else:
            self.follow(value)

    def follow(self, address):
        """Finds the entries on the path of an address of the program that this CPU runs."""
        self.page = address // kernel.PAGE
        table = kernel.register("cr3") & kernel.ADDRESS
        for level, entry in tables.walk(table, address):
            self.path.add((table // kernel.PAGE, tables.index(level, address)))
            table = entry & kernel.ADDRESS
        if level == tables.LEAF and entry:
            self.pfn = tables.target(entry)

    def concerns_page(self, event):
        if event.name in PAGE_EVENTS:
            return event.words[PAGE_EVENTS[event.name]] // kernel.PAGE == self.page
        if event.name == "entry_set":
            return (event.words[0], event.words[1]) in self.path
        if event.name in RANGE_EVENTS:
            first = RANGE_EVENTS[event.name]
            start, end = event.words[first : first + 2]
            return start <= self.page * kernel.PAGE < end
        return False

    def is_of_frame(self, event):
        for name, word in zip(event.names, event.words):
            if name in FRAME_WORDS and word == self.pfn:
                return True
            if name in ENTRY_WORDS and word and tables.target(word) == self.pfn:
                return True
        return False

    def concerns(self, event):
        if self.page is not None and self.concerns_page(event):
            return True
        return self.pfn is not None and self.is_of_frame(event)


def filters(words):
    """Returns functions of an event, all of which must be true."""
    names = [name for name, _ in kinds().values()]
    wanted, found = set(), []
    for word in words:
        key, _, value = word.partition("=")
        if key in ("cpu", "tid") and value.isdigit():
            field = {"cpu": "cpu", "tid": "thread"}[key]
            found.append(lambda event, f=field, v=int(value): getattr(event, f) == v)
        elif matching := {name for name in names if name == word or name.startswith(word + "_")}:
            wanted |= matching
        else:
            found.append(Subject(word).concerns)
    if wanted:
        found.append(lambda event: event.name in wanted)
    return found


class EventsCommand(Command):
    """events [FILTER]...: shows the last events of all CPUs, in their order

    FILTER is the name of an event or its beginning (entry_set, tlb), cpu=N, tid=N, the number of a
    frame, or an address: then the events of its page, entries, region and faults are shown. A
    kernel with DEBUG=1 keeps the last events, and so does one with `events` on its command line."""

    name = "events"
    most = 8

    def choices(self, before):
        try:
            return sorted(name for name, _ in kinds().values())
        except (gdb.error, gdb.GdbError):
            return []

    def run(self, *words):
        tests = filters(words)
        found = [event for event in kept() if all(test(event) for test in tests)]
        for event in found[-SHOWN:]:
            print(event.text())
        if not found:
            print("none of the events that are kept")


EventsCommand()
