"""Frames: the descriptors of physical pages (include/mm/frame.h)."""

import struct

import gdb
import kernel

KINDS = {"reserved": "reserved", "free": "free", "free_cached": "free, cached",
         "zero": "zero page"}  # fmt: skip


def count():
    return int(kernel.variable("frame_count"))


def is_known(pfn):
    return 0 <= pfn < count()


def descriptor(pfn):
    return (kernel.variable("frames") + pfn).dereference()


def refcount(pfn):
    return int(descriptor(pfn)["refcount"])


def kind_name(value):
    """Returns the name of a kind, as in the kernel's own messages: "anon", "table", ..."""
    word = kernel.enum("frame_kind", value).removeprefix("FRAME_").lower()
    return KINDS.get(word, word)


def kind(pfn):
    return kind_name(descriptor(pfn)["kind"])


def references(number):
    return "1 reference" if number == 1 else f"{number} references"


def text(pfn):
    """Returns a frame in words: "frame 0x7e70: anon, 1 reference"."""
    return f"frame {pfn:#x}: {kind(pfn)}, {references(refcount(pfn))}"


def number_of(address):
    """Returns the number of the frame whose descriptor stands at an address."""
    first = int(kernel.variable("frames"))
    return (address - first) // kernel.struct("frame").sizeof


class Snapshot:
    """All descriptors at once, because one long read is faster than many short ones."""

    def __init__(self):
        kind_of_frame = kernel.struct("frame")
        self.size = kind_of_frame.sizeof
        self.offsets = {field.name: field.bitpos // 8 for field in kind_of_frame.fields()}
        self.count = count()
        self.bytes = kernel.read(int(kernel.variable("frames")), self.count * self.size)
        self.names = {}

    def refcount(self, pfn):
        return struct.unpack_from("<I", self.bytes, pfn * self.size + self.offsets["refcount"])[0]

    def byte(self, pfn, field):
        return self.bytes[pfn * self.size + self.offsets[field]]

    def kind(self, pfn):
        value = self.byte(pfn, "kind")
        if value not in self.names:
            self.names[value] = kind_name(value)
        return self.names[value]

    def runs(self):
        """Yields the first frame of each run: a run of 2^order frames has one count."""
        pfn = 0
        while pfn < self.count:
            yield pfn
            pfn += 1 << self.byte(pfn, "order")

    def locked_tables(self):
        """Yields (frame, CPU) for each table whose lock is held."""
        for pfn in self.runs():
            holder = self.byte(pfn, "lock")  # the first byte of struct spinlock
            if holder and self.kind(pfn) == "table":
                yield pfn, holder - 1


def contents(pfn, rows=4):
    """Yields lines that show the start of a frame's bytes, and what the whole is like."""
    data = kernel.read_physical(pfn * kernel.PAGE, kernel.PAGE)
    if not any(data):
        yield "all bytes are 0"
        return
    if len(set(data)) == 1:
        yield f"all bytes are {data[0]:#04x}"
        return
    for offset in range(0, rows * 16, 16):
        row = data[offset : offset + 16]
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"{offset:#05x}  {row.hex(' ', 2)}  {shown}"
    yield f"{sum(1 for byte in data if byte)} of 4096 bytes are not 0"


def choose(text_typed):
    """Returns the number of the frame that a person has named, by its number or by an address.

    A number below the number of frames is a pfn. Any other is an address: of the direct map, of the
    kernel's image, or of the current process."""
    import processes
    import tables

    value = kernel.number(text_typed)
    if is_known(value):
        return value
    if kernel.DIRECT_MAP <= value < kernel.DIRECT_MAP + count() * kernel.PAGE:
        return (value - kernel.DIRECT_MAP) // kernel.PAGE
    if value >= kernel.KERNEL_BASE:
        return (value - kernel.KERNEL_BASE) // kernel.PAGE
    if value >= kernel.USER_END:
        raise gdb.GdbError(f"{value:#x} is neither a frame, below {count():#x}, nor an address "
                           "that shows one")
    vspace = processes.vspace_of(processes.this_process())
    entry, _ = tables.leaf(tables.walk(tables.root_of(vspace), value))
    if not entry:
        raise gdb.GdbError(f"{value:#x} shows no frame: pagetable {value:#x} tells why")
    return tables.target(entry)
