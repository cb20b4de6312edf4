"""Locks: who holds which, and who waits (docs/locking.md)."""

import re

import gdb
import frames
import kernel
import processes
from command import Command

LOCK_BYTES_MAX = 1024  # the wait queues of a lock lie in it (kernel/sched/heldlocks.c)
MUTEX_HELD = 1  # include/sched/lock.h
SPINNING = "spins for {}, held by CPU {}"


def rank_name(rank):
    """Returns the name of a rank. The tables below the root have ranks of their own."""
    first = int(gdb.Value(0).cast(kernel.struct("lock_rank")).type["RANK_TABLE"].enumval)
    if first < rank <= first + 3:
        return f"RANK_TABLE+{rank - first}"
    name = kernel.enum("lock_rank", rank)
    return name if name.startswith("RANK_") else f"rank {rank}"


def lock_name(address, rank=None):
    """Returns a lock in words: its variable, or its address, and its rank."""
    name = kernel.symbol(address)
    found = f"{address:#x}" if name.startswith("0x") else name
    return f"{found} ({rank_name(rank)})" if rank else found


def is_debug():
    """Returns true if threads record their locks."""
    return kernel.objfile().lookup_global_symbol("lock_check_acquire") is not None


def variables(name):
    """Yields (variable's name, value) for the kernel's variables of type `struct NAME`."""
    text = gdb.execute(f"info variables -q -n -t ^struct.{name}$", to_string=True)
    is_ours = False
    for line in text.splitlines():
        if line.startswith("File "):
            is_ours = line.startswith(("File kernel/", "File include/"))
        found = re.search(rf"struct {name} (\w+);", line)
        if is_ours and found:
            yield found[1], kernel.variable(found[1])


def threads():
    """Yields all threads, idle ones included."""
    yield from processes.threads()
    for number in range(kernel.cpu_count()):
        yield kernel.pointer(kernel.variable("runqueues")[number]["idle"].address, "thread")


def recorded():
    """Yields a sentence for each lock in the records of a DEBUG build.

    A thread that leaves its CPU holds the lock of the run queue, which the next thread releases."""
    for thread in threads():
        record = thread["locks"]
        for number in range(int(record["count"])):
            lock, rank = int(record["locks"][number]), int(record["ranks"][number])
            if rank_name(rank) == "RANK_RUNQUEUE" and not thread["on_cpu"]:
                continue
            awaited = 0 < int(thread["waiting_on"]) - lock < LOCK_BYTES_MAX
            yield (f"{processes.thread_title(thread)} {'waits for' if awaited else 'holds'} "
                   f"{lock_name(lock, rank)}")


def known():
    """Yields a sentence for each lock that is held, of those that can be found in any build."""
    for name, lock in variables("spinlock"):
        if int(lock["locked"]):
            yield f"CPU {int(lock['locked']) - 1} holds {name} ({rank_name(int(lock['rank']))})"
    for name, mutex in variables("mutex"):
        if int(mutex["state"]) & MUTEX_HELD:
            waiting = sum(1 for _ in kernel.tailq(mutex["waiters"]["waiters"], "thread",
                                                  "wait_link"))
            yield f"{name} ({rank_name(int(mutex['rank']))}) is held; {waiting} wait"
    for vspace in processes.vspaces():
        yield from held_rwlock(vspace["lock"], f"the vspace of {processes.sharers_of(vspace)}")
    for pfn, cpu in frames.Snapshot().locked_tables():
        yield f"CPU {cpu} holds the lock of the table in frame {pfn:#x}"


def held_rwlock(lock, what):
    readers = sum(int(lock["readers"][cpu]["count"]) for cpu in range(kernel.cpu_count()))
    readers &= (1 << 32) - 1
    if lock["is_written"]:
        yield f"the lock of {what} is held for writing"
    elif readers:
        yield f"the lock of {what} is held for reading, by {readers}"
    waiting = int(lock["writers"]) - bool(lock["is_written"])
    if waiting > 0:
        yield f"{waiting} wait to write {what}"


def spinning():
    """Yields a sentence for each CPU that spins for a lock."""
    awaited = kernel.variable("waited_for")
    for cpu in range(kernel.cpu_count()):
        lock = awaited[cpu]
        if lock:
            holder = int(lock["locked"])
            name = lock_name(int(lock), int(lock["rank"]))
            yield (f"CPU {cpu} " + SPINNING.format(name, holder - 1) if holder
                   else f"CPU {cpu} spins for {name}, which is free now")


class LocksCommand(Command):
    """locks: shows the locks that are held, and who waits for them

    In every build: the CPUs that spin, the locks that are variables of the kernel, those of
    vspaces, and those of page tables. A kernel with DEBUG=1 also records those of each thread."""

    name = "locks"

    def run(self):
        found = [*spinning(), *(recorded() if is_debug() else []), *known()]
        print("\n".join(found) if found else "no lock is held")
        if not is_debug():
            print("(with DEBUG=1, each thread records the locks that it holds)")


LocksCommand()
