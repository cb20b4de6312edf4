"""Time travel: a recorded run is run again, up to one of its events (tools/travel.py).

A machine that counts instructions, and whose input is a script, repeats to the instruction. So the
way to an event, back or forth, is a new machine that runs there from its start. The kernel compares
the number of each event with event_stop_at, and calls event_stops from there on."""

import mmap
import os
import struct

import gdb
import events
import kernel
from command import Command

HEADER = 4096  # of a recording
SLOTS_AT = 16  # where the ring's header has their number (struct recording)
MACHINERY = {"event_stops", "event_add", "event_make", "event_count_end"}
NEVER = (1 << 64) - 1


class Recording:
    """The events of the run, in a file."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.count = (len(self.data) - HEADER) // events.RECORD.size

    def fields(self, number):
        return events.RECORD.unpack_from(self.data, HEADER + number * events.RECORD.size)

    def event(self, number):
        return events.Event(self.fields(number), events.kinds())

    def last(self, before, test):
        """Returns the number of the last event before one for which a test is true, or None."""
        known, size = events.kinds(), events.RECORD.size
        for number in range(before - 1, -1, -1):
            fields = events.RECORD.unpack_from(self.data, HEADER + number * size)
            if test(events.Event(fields, known)):
                return number
        return None


class Machine:
    """The machine that repeats the run, and where in the run it is."""

    def __init__(self):
        self.recording = None

    def start(self, number):
        """Starts a new machine, which will stop at an event.

        It must not stop before, because QEMU lets the clock of a machine that stops jump. So the
        number is written to the kernel's image in memory, before the first instruction."""
        ring = os.environ["PAGODA_RING"]
        with open(ring, "r+b") as file:  # an empty ring: nothing made, nothing read
            magic = file.read(HEADER)[:24]
            file.seek(0)
            file.write(magic + bytes(HEADER - len(magic)))
        self.end()
        gdb.execute(f"target remote | {os.environ['PAGODA_QEMU']}", to_string=True)
        address = int(kernel.variable("event_stop_at").address) - kernel.KERNEL_BASE
        gdb.selected_inferior().write_memory(address & NEVER, struct.pack("<Q", number))

    def end(self):
        """Ends the machine. It may be gone before gdb has understood that."""
        try:
            if gdb.selected_inferior().pid:
                gdb.execute("kill", to_string=True)
        except gdb.error:
            pass

    def made(self):
        """Returns all events that were made so far."""
        size = events.RECORD.size
        data = self.recording.data[HEADER : HEADER + (self.now() + 1) * size]
        return list(events.parse(data, events.kinds()))

    def now(self):
        """Returns the number of the last event that was made; at the start, that of the end."""
        if not gdb.selected_inferior().pid:
            return self.recording.count - 1
        return min(int(kernel.variable("event_next")), self.recording.count) - 1

    def go(self, number):
        """Runs to an event, in a new machine."""
        if self.recording is None:
            raise gdb.GdbError("no recording: make replay REC=FILE opens one")
        if not 0 <= number < self.recording.count:
            raise gdb.GdbError(f"the recording has events 0 to {self.recording.count - 1}")
        gdb.execute("set suppress-cli-notifications on")
        others = [each for each in gdb.breakpoints() if each.enabled]
        for each in others:
            each.enabled = False
        stop = gdb.Breakpoint("event_stops", internal=True)
        stop.silent = True
        try:
            self.start(number)
            gdb.execute("continue", to_string=True)
        finally:
            stop.delete()
            for each in others:
                each.enabled = True
            gdb.execute("set suppress-cli-notifications off")
        if not gdb.selected_inferior().pid:
            raise gdb.GdbError(f"the machine has ended before event {number}: it does not repeat")
        self.compare(number)
        self.select_maker()

    def select_maker(self):
        """Selects the function that has made the event, and shows it."""
        frame = gdb.newest_frame()
        while frame.older() and frame.name() in MACHINERY:
            frame = frame.older()
        frame.select()
        gdb.execute("frame")

    def compare(self, number):
        """Checks that the event is the one in the recording."""
        expected, made = self.recording.event(number), self.ring_event(number)
        if made.fields != expected.fields:
            raise gdb.GdbError(f"the run does not repeat: event {number} is {made.text()} at "
                               f"{made.time}, but the recording has {expected.text()} at "
                               f"{expected.time}")
        print(expected.text())

    def ring_event(self, number):
        """Returns an event that the machine has just made."""
        with open(os.environ["PAGODA_RING"], "rb") as file:
            slots = struct.unpack_from("<Q", file.read(HEADER), SLOTS_AT)[0]
            file.seek(HEADER + number % slots * events.RECORD.size)
            return events.Event(events.RECORD.unpack(file.read(events.RECORD.size)),
                                events.kinds())


machine = Machine()


class Travel(Command):
    """A command that moves in a recorded run."""

    starts_machine = True

    def number_of(self, text):
        try:
            return int(text, 0)
        except ValueError:
            raise gdb.GdbError(f"{self.name}: {text} is no number")


class GotoCommand(Travel):
    """goto EVENT: goes to an event of the recorded run, back or forth

    EVENT is the number that `events`, /proc/events, a panic and build/replay show. The machine
    stops where the event is made, which is just before the change that it tells. Breakpoints on the
    way do not stop it."""

    name = "goto"
    least, most = 1, 1

    def run(self, text):
        machine.go(self.number_of(text))


class BackCommand(Travel):
    """back [N]: goes to the event before the last one, or N events back"""

    name = "back"
    most = 1

    def run(self, text="1"):
        machine.go(max(machine.now() - self.number_of(text), 0))


class WhoCommand(Travel):
    """who ADDR|FRAME: goes to the last event that changed a page, its entries or a frame

    ADDR is an address of the kernel, or of the process that this CPU runs. FRAME is the number of a
    frame. The event is looked for in the recording, before the current one. `backtrace` then shows
    who made the change. Typed again, it goes to the change before."""

    name = "who"
    least, most = 1, 1
    CHANGES = ("entry_", "frame_", "table_", "region_")

    def run(self, text):
        if machine.recording is None:
            raise gdb.GdbError("no recording: make replay REC=FILE opens one")
        subject = events.Subject(text)
        number = machine.recording.last(machine.now(), lambda event: event.name.startswith(
            self.CHANGES) and subject.concerns(event))
        if number is None:
            raise gdb.GdbError(f"no event before has changed {text}")
        machine.go(number)


def begin():
    """Begins with the recording that the environment names."""
    path = os.environ.get("PAGODA_RECORDING")
    if path:
        machine.recording = Recording(path)
        machine.go(0)
        print(f"{machine.recording.count} events: goto EVENT, back [N], who ADDR|FRAME")


GotoCommand()
BackCommand()
WhoCommand()
