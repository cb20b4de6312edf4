"""Processes, tasks and threads, and those that the CPU runs on which gdb looks.

gdb shows each CPU of the machine as a thread of its own: `info threads`, `thread 2`."""

import gdb
import kernel
from command import Command, count_text, is_kernel, pid_choices

STATES = {"THREAD_NEW": "new", "THREAD_RUNNABLE": "ready", "THREAD_SLEEPING": "asleep",
          "THREAD_DEAD": "dead"}  # fmt: skip
STEPS_MAX = 64  # of a backtrace
SCHEDULER = ("kernel/sched/", "kernel/arch/context.c", "include/")
# Where C returns to the assembly of entry.S, behind which the stack holds a trapframe.
ENTRIES = ("trap_called", "syscall_called", "paranoid_called")


def this_cpu():
    """Returns the CPU's record: GS holds its address in the kernel, the other base in user mode."""
    base = kernel.register("gs_base" if is_kernel(kernel.register("rip")) else "k_gs_base")
    if not is_kernel(base):
        raise gdb.GdbError("this CPU has no record yet: continue until cpu_init has run")
    return kernel.pointer(base, "cpu")


def this_thread():
    thread = this_cpu()["current"]
    if not thread:
        raise gdb.GdbError("no thread runs yet: continue to a later breakpoint")
    return kernel.pointer(thread, "thread")


def task_of(thread):
    """Returns the task that a thread runs; None if it is a thread of the kernel."""
    return kernel.pointer(thread["task"], "task") if thread["task"] else None


def process_of(thread):
    task = task_of(thread)
    return kernel.pointer(task["process"], "process") if task else None


def this_process():
    process = process_of(this_thread())
    if not process:
        raise gdb.GdbError("a kernel thread runs, which has no process: continue to a page fault, "
                           "or name a process (procs lists them)")
    return process


def each():
    """Yields all processes, in the order of their pids."""
    return kernel.tree(kernel.variable("processes")["rbh_root"], "process", "by_pid")


def find(pid_text):
    """Returns the process with a pid that a person has typed; None means the current one."""
    if pid_text is None:
        return this_process()
    pid = kernel.number(pid_text)
    for process in each():
        if int(process["pid"]) == pid:
            return process
    raise gdb.GdbError(f"there is no process {pid}: procs lists them")


def name(process):
    return kernel.string(kernel.pointer(process["leader"], "task")["name"])


def title(process):
    return f"pid {int(process['pid'])} {name(process)}"


def tasks(process):
    return kernel.tailq(process["tasks"], "task", "link")


def vspace_of(process):
    if not process["vspace"]:
        raise gdb.GdbError(f"{title(process)} has ended, and has no vspace any more")
    return kernel.pointer(process["vspace"], "vspace")


def sharers_of(vspace):
    """Returns the processes that use a vspace, as text."""
    found = [title(process) for process in each() if int(process["vspace"]) == int(vspace)]
    return " and ".join(found) or f"the vspace at {int(vspace):#x}"


def vspaces():
    return kernel.linked(kernel.variable("all_vspaces"), "vspace", "all")


def threads():
    """Yields all threads, except the idle threads of CPUs that wait for work."""
    return kernel.tailq(kernel.variable("world")["threads"], "thread", "all")


def thread_title(thread):
    task = task_of(thread)
    if not task:
        return "a thread of the kernel"
    return f"tid {int(task['tid'])} {kernel.string(task['name'])}"


def saved_registers():
    """Returns the trapframe at the top of the kernel stack, with the registers of user mode."""
    return kernel.pointer(int(this_thread()["stack_top"]), "trapframe") - 1


def place(address):
    """Returns function, file and line of a kernel address; None if it has none."""
    where = gdb.find_pc_line(address)
    function = gdb.block_for_pc(address)
    while function and not function.function:
        function = function.superblock
    if not where.symtab or not function:
        return None
    return function.function.name, where.symtab.filename, where.line


def waiting_place(thread):
    """Returns where a thread that does not run will go on, outside of the scheduler."""
    frame = kernel.pointer(thread["context"]["rsp"], "switch_frame")
    rip, rbp = kernel.unsigned(frame["rip"]), kernel.unsigned(frame["rbp"])
    top = kernel.unsigned(thread["stack_top"])
    for _ in range(STEPS_MAX):
        if kernel.symbol(rip) in ENTRIES:
            return "interrupted" if kernel.symbol(rip) == "trap_called" else "at a system call"
        found = place(rip - 1)
        if found and not found[1].startswith(SCHEDULER):
            return "{} ({}:{})".format(*found)
        if not top - (4 << 12) <= rbp <= top - 16:
            break
        frame = kernel.read(rbp, 16)
        rbp, rip = (int.from_bytes(frame[n : n + 8], "little") for n in (0, 8))
    return kernel.symbol(rip)


class ProcsCommand(Command):
    """procs: lists the processes

    In the order of their numbers, each with its parent, its state, and the numbers of its threads,
    of its regions and of the threads that its vspace has."""

    name = "procs"

    def run(self):
        print(f"{'pid':>5} {'parent':>6} {'state':7} {'threads':>7} {'regions':>7} "
              f"{'KiB mapped':>10}  name")  # fmt: skip
        for process in each():
            parent = process["parent"]
            vspace = process["vspace"]
            space = kernel.pointer(vspace, "vspace") if vspace else None
            regions = int(space["regions"]["count"]) if space else 0
            mapped = int(space["account"]["mapped_bytes"]) // 1024 if space else 0
            number = int(kernel.pointer(parent, "process")["pid"]) if parent else 0
            print(f"{int(process['pid']):5} {number:6} {self.state(process):7} "
                  f"{sum(1 for _ in tasks(process)):7} {regions:7} {mapped:10}  {name(process)}")

    def state(self, process):
        if process["zombie"]:
            return "zombie"
        states = [thread_state(kernel.pointer(task["thread"], "thread")) for task in tasks(process)]
        order = ["runs", "ready", "asleep", "new", "dead"]
        return min(states, key=order.index) if states else "ending"


def thread_state(thread):
    state = STATES[kernel.enum("thread_state", thread["state"])]
    return "runs" if thread["on_cpu"] and state == "ready" else state


class ThreadsCommand(Command):
    """threads: lists the threads of programs and of the kernel

    Each with its CPU, and where it will go on if it does not run. gdb's own `info threads` lists
    the CPUs instead, because gdb takes each CPU for a thread."""

    name = "threads"

    def run(self):
        here = int(this_cpu()["current"] or 0)
        print(f"  {'tid':>5} {'CPU':>3} {'state':6}  name, and where it goes on")
        for thread in threads():
            task = task_of(thread)
            tid = str(int(task["tid"])) if task else "-"
            state = thread_state(thread)
            mark = "*" if int(thread) == here else " "
            label = kernel.string(task["name"]) if task else kernel.symbol(int(thread["entry"]))
            where = "" if state in ("runs", "dead") else f", {waiting_place(thread)}"
            print(f"{mark} {tid:>5} {int(thread['cpu']):3} {state:6}  {label}{where}")
        idle = [n for n in range(kernel.cpu_count())
                if int(kernel.variable("cpus")[n]["current"])
                == int(kernel.variable("runqueues")[n]["idle"].address or 0)]  # fmt: skip
        if idle:
            print(f"{count_text(len(idle), 'CPU')} without a thread: "
                  f"{', '.join(map(str, idle))}")  # fmt: skip


class ByProcess(Command):
    """A command whose last argument may be a pid."""

    def choices(self, before):
        return pid_choices() if len(before) == self.most - 1 else []


ProcsCommand()
ThreadsCommand()
