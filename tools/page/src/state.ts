// The memory of the machine at a moment, rebuilt from the events before it. It is the state of
// tools/replay/machine.c and moment.c, and `make test-page` compares the two.
//
// A copy of a state (a keyframe) shares its tables and spaces with the original. Each says which
// state owns it, and a state makes its own copy before it changes what another one owns.

import { Recording } from "./recording";

export const TABLE_ENTRIES = 512;
export const ROOT_LEVEL = 4;
export const PAGE_SIZE = 4096;
export const USER_END = 2 ** 47;
export const MAX_CPUS = 8;
export const NEVER = -1; // no event
const FLUSH_SPACE = 0, LEAVE_SPACE = 2; // requests of tlb_ask

export const PTE = { P: 1, W: 2, U: 4, A: 0x20, D: 0x40, SHARED: 0x200, FRESH: 0x400 } as const;
const SET_BY_CPU = PTE.A | PTE.D;

export const FRAME_KINDS = ["reserved", "free", "free", "anon", "table", "cache", "heap", "kstack",
    "kernel", "zero page"];
export const RESERVED = 0, FREE = 1, USED = 2, INSIDE = 3; // enum frame_state

/** An entry: its low and high 32 bits. */
export interface Entry {
    low: number;
    high: number;
    last: number; // the event that has changed it
}

export function entry_target(low: number, high: number): number {
    return (high & 0xfffff) * 0x100000 + (low >>> 12);
}

export class Table {
    base = NEVER; // the first address that it translates
    low = new Uint32Array(TABLE_ENTRIES);
    high = new Uint32Array(TABLE_ENTRIES);
    last = new Int32Array(TABLE_ENTRIES).fill(NEVER);
    constructor(public owner: State, readonly level: number) {}

    copy(owner: State): Table {
        const copy: Table = Object.create(Table.prototype);
        return Object.assign(copy, this, {
            owner, low: this.low.slice(), high: this.high.slice(), last: this.last.slice(),
        });
    }
    is_set(n: number): boolean {
        return (this.low[n] | this.high[n]) !== 0;
    }
    entry(n: number): Entry {
        return { low: this.low[n], high: this.high[n], last: this.last[n] };
    }
    target(n: number): number {
        return entry_target(this.low[n], this.high[n]);
    }
}

export interface Region {
    start: number;
    end: number;
    attributes: number;
    pager: bigint; // 0n: private anonymous memory
    page: bigint; // of the pager, at the start
    data_end: bigint;
    last: number;
}

export class Space {
    generation = 0n;
    parent = 0;
    processes = 0;
    pid = 0; // of the latest process in it; 0: none yet
    regions: Region[] = []; // by address; a region is never changed in place
    constructor(public owner: State, readonly number: number, readonly tree: bigint,
                readonly root: number) {}

    copy(owner: State): Space {
        const copy: Space = Object.create(Space.prototype);
        return Object.assign(copy, this, { owner, regions: this.regions.slice() });
    }
    /** The number of the first region that begins at `address` or above. */
    region_index(address: number): number {
        let low = 0, high = this.regions.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (this.regions[middle].start < address) low = middle + 1;
            else high = middle;
        }
        return low;
    }
    region_at(address: number): Region | undefined {
        const region = this.regions[this.region_index(address + 1) - 1];
        return region && address < region.end ? region : undefined;
    }
    /** The region that begins at `start`, or undefined. */
    region_from(start: number): Region | undefined {
        const region = this.regions[this.region_index(start)];
        return region?.start === start ? region : undefined;
    }
}

export interface Process {
    readonly pid: number;
    readonly parent: number;
    readonly lives: boolean;
    readonly threads: number;
    readonly space: number;
    readonly name: string;
}

export interface Thread {
    readonly pid: number; // also after its end
    readonly lives: boolean;
    readonly fault: number; // the event that has begun it; NEVER: none is open
    readonly address: number;
}

/** Flushes of the space that a CPU has loaded, which it has not done yet. */
export interface Behind {
    readonly count: number;
    readonly start: number; // the addresses of all of them
    readonly end: number;
    readonly first: number; // the event of the first one
    readonly generation: number; // of the last one
}

/** The states of a CPU towards a space are those of kernel/arch/tlb.c. */
export interface Cpu {
    readonly thread: number;
    readonly asked: number; // CPUs that have not answered its request for a flush
    readonly space: number; // whose root is in CR3; 0: the kernel's own
    readonly is_lazy: boolean; // it runs no thread of the space
    readonly behind: Behind | null; // null: no old entry is in its TLB
}

export interface Walk {
    bottom: number; // the level of the last table; above the root: there is none
    table: number[]; // by level
    entry: Entry[];
}

export const level_span = (level: number): number => PAGE_SIZE * 512 ** (level - 1);
export const level_index = (level: number, address: number): number =>
    Math.floor(address / level_span(level)) % TABLE_ENTRIES;

export class State {
    next = 0; // the first event that has not happened yet
    nframes = 0;
    state = new Uint8Array(0); // of each frame
    kind = new Uint8Array(0);
    order = new Uint8Array(0);
    count = new Uint32Array(0);
    level = new Uint8Array(0); // of the latest table
    last = new Int32Array(0);
    allocated = new Int32Array(0);
    tables = new Map<number, Table>(); // by frame
    spaces = new Map<number, Space>(); // by number
    by_tree = new Map<bigint, number>();
    by_root = new Map<number, number>();
    pids = new Map<number, number>(); // the latest process of a space, also after its end
    processes = new Map<number, Process>();
    threads = new Map<number, Thread>();
    cpus: Cpu[] = Array.from({ length: MAX_CPUS }, () => ({
        thread: 0, asked: 0, space: 0, is_lazy: false, behind: null,
    }));

    constructor(readonly recording: Recording) {}

    copy(): State {
        const copy: State = Object.create(State.prototype);
        return Object.assign(copy, this, {
            state: this.state.slice(), kind: this.kind.slice(), order: this.order.slice(),
            count: this.count.slice(), level: this.level.slice(), last: this.last.slice(),
            allocated: this.allocated.slice(),
            tables: new Map(this.tables), spaces: new Map(this.spaces),
            by_tree: new Map(this.by_tree), by_root: new Map(this.by_root),
            pids: new Map(this.pids), processes: new Map(this.processes),
            threads: new Map(this.threads), cpus: this.cpus.slice(),
        });
    }

    space_of_root(root: number): Space | undefined {
        return this.spaces.get(this.by_root.get(root) ?? NEVER);
    }
    space_of_tree(tree: bigint): Space | undefined {
        return this.spaces.get(this.by_tree.get(tree) ?? NEVER);
    }
    pid_of_thread(tid: number): number {
        return this.threads.get(tid)?.pid ?? 0;
    }

    walk(space: Space, address: number): Walk {
        const walk: Walk = { bottom: ROOT_LEVEL + 1, table: [], entry: [] };
        let frame = space.root;
        for (let level = ROOT_LEVEL; level > 0; level--) {
            const table = this.tables.get(frame);
            if (!table) break;
            const n = level_index(level, address);
            walk.bottom = level;
            walk.table[level] = frame;
            walk.entry[level] = table.entry(n);
            if (!table.is_set(n)) break;
            frame = table.target(n);
        }
        return walk;
    }

    // ---- Events ----

    private own_table(frame: number): Table {
        let table = this.tables.get(frame);
        if (!table) throw new Error(`frame 0x${frame.toString(16)} is no table`);
        if (table.owner !== this) this.tables.set(frame, (table = table.copy(this)));
        return table;
    }
    private own_space(space: Space | undefined): Space {
        if (!space) throw new Error("there is no such address space");
        if (space.owner !== this) this.spaces.set(space.number, (space = space.copy(this)));
        return space;
    }
    private frames_change(first: number, count: number, from: number, to: number): void {
        for (let n = first; n < first + count; n++) {
            if (this.state[n] !== from)
                throw new Error(`frame 0x${n.toString(16)} is in another state`);
            this.state[n] = to;
            this.last[n] = this.next;
        }
    }
    private entry_change(table: Table, n: number, low: number, high: number): void {
        table.low[n] = low;
        table.high[n] = high;
        table.last[n] = this.next;
    }
    private process_change(pid: number, change: Partial<Process>): void {
        const old = this.processes.get(pid) ??
            { pid, parent: 0, lives: true, threads: 0, space: 0, name: "" };
        this.processes.set(pid, { ...old, ...change });
    }
    private space_enter(pid: number, number: number): void {
        const old = this.spaces.get(this.processes.get(pid)?.space ?? 0);
        if (old) this.own_space(old).processes--;
        if (number) this.own_space(this.spaces.get(number)).processes++;
        this.process_change(pid, { space: number });
    }
    private space_name(number: number, pid: number): void {
        this.pids.set(number, pid);
    }

    private table_copy(n: number): void {
        const r = this.recording;
        const copy = this.own_table(r.word(n, 0)), source = this.own_table(r.word(n, 1));
        for (let i = 0; i < r.word(n, 3); i++) {
            if (!source.is_set(i)) continue;
            if ((source.low[i] & (PTE.W | PTE.SHARED)) === PTE.W) {
                source.low[i] &= ~PTE.W;
                source.last[i] = n;
            }
            this.entry_change(copy, i, source.low[i], source.high[i]);
        }
        copy.base = source.base;
        this.last[r.word(n, 0)] = this.last[r.word(n, 1)] = n;
    }

    private entry_set(n: number): void {
        const r = this.recording, table = this.own_table(r.word(n, 0)), i = r.word(n, 1);
        if (((table.low[i] ^ r.low(n, 2)) & ~SET_BY_CPU) || table.high[i] !== r.high(n, 2))
            throw new Error("the entry has another value before");
        this.entry_change(table, i, r.low(n, 3), r.high(n, 3));
        this.last[r.word(n, 0)] = n;
        if (table.is_set(i) && table.level > 1 && table.base !== NEVER) {
            const lower = this.tables.get(table.target(i));
            const base = table.base + i * level_span(table.level);
            if (lower && lower.base !== base) this.own_table(table.target(i)).base = base;
        }
    }

    private region_replace(space: Space, start: number, region?: Region): void {
        if (!space.region_from(start))
            throw new Error(`no region begins at 0x${start.toString(16)}`);
        const at = space.region_index(start);
        if (region) space.regions[at] = region;
        else space.regions.splice(at, 1);
    }

    private region(n: number, kind: string): void {
        const r = this.recording, space = this.own_space(this.space_of_tree(r.big(n, 0)));
        const start = r.word(n, 1), end = r.word(n, 2), attributes = r.low(n, 3);
        if (kind === "region_unmap") return this.region_replace(space, start);
        if (kind === "region_map") {
            const page = r.big(n, 4);
            const region = { start, end, attributes, pager: 0n, page, data_end: 0n, last: n };
            space.regions.splice(space.region_index(start), 0, region);
            return;
        }
        const was = kind === "region_object" ? start : r.word(n, 4);
        const old = space.region_from(was);
        if (!old) throw new Error(`no region begins at 0x${was.toString(16)}`);
        if (kind === "region_object")
            return this.region_replace(space, start, {
                ...old, pager: r.big(n, 2), data_end: r.big(n, 4), last: n,
            });
        const moved = BigInt.asUintN(64, old.page + BigInt((start - was) / PAGE_SIZE));
        this.region_replace(space, was, {
            ...old, start, end, attributes, page: old.pager ? moved : old.page, last: n,
        });
    }

    private fault(n: number, begins: boolean): void {
        const tid = this.recording.thread(n), thread = this.threads.get(tid);
        if (!thread) return;
        this.threads.set(tid, {
            ...thread, fault: begins ? n : NEVER, address: this.recording.word(n, 1),
        });
    }

    private thread_rename(n: number): void {
        const tid = this.recording.word(n, 0), was = this.recording.word(n, 1);
        const thread = this.threads.get(was);
        if (!thread) throw new Error(`there is no thread ${was}`);
        this.threads.set(tid, thread);
        this.threads.set(was, { ...thread, lives: false });
        this.cpus = this.cpus.map((cpu) => (cpu.thread === was ? { ...cpu, thread: tid } : cpu));
    }

    private cpu_change(n: number, change: Partial<Cpu>): void {
        this.cpus[n] = { ...this.cpus[n], ...change };
    }

    /** Each CPU that has the space loaded may keep old entries, but for the one that flushes. */
    private flush(n: number): void {
        const r = this.recording, number = this.by_root.get(r.word(n, 1));
        const start = r.word(n, 2), end = r.word(n, 3);
        this.cpus.forEach((cpu, i) => {
            if (cpu.space !== number || (i === r.cpu(n) && !cpu.is_lazy)) return;
            const old = cpu.behind ?? { count: 0, start, end, first: n };
            this.cpu_change(i, {
                behind: {
                    count: old.count + 1, first: old.first, generation: r.word(n, 0),
                    start: Math.min(old.start, start), end: Math.max(old.end, end),
                },
            });
        });
    }

    /** A CPU that loads another space, or runs a thread of a space again, drops old entries. */
    private cpu_load(n: number, space: number): void {
        if (space) this.cpu_change(n, { space, is_lazy: false, behind: null });
        else this.cpu_change(n, { is_lazy: this.cpus[n].space !== 0 });
    }

    /** A thread that has no space yet runs for the first time: it loads that of its process at
     *  once. Returns 0 for a thread of the kernel, and for one that ends. */
    private space_of_new(tid: number): number {
        const thread = this.threads.get(tid);
        return thread?.lives ? this.processes.get(thread.pid)?.space ?? 0 : 0;
    }

    private cpus_leave(space: number): void {
        this.cpus.forEach((cpu, n) => {
            if (cpu.space === space)
                this.cpu_change(n, { space: 0, is_lazy: false, behind: null });
        });
    }

    private answer(n: number): void {
        const r = this.recording, cpu = this.cpus[r.cpu(n)], asker = this.cpus[r.word(n, 0)];
        this.cpu_change(r.word(n, 0), { asked: asker.asked & ~(1 << r.cpu(n)) });
        if (r.word(n, 1) === LEAVE_SPACE)
            this.cpu_change(r.cpu(n), { space: 0, is_lazy: false, behind: null });
        else if (r.word(n, 1) === FLUSH_SPACE && cpu.behind &&
            cpu.behind.generation <= r.word(n, 4))
            this.cpu_change(r.cpu(n), { behind: null });
    }

    /** Applies the next event. Throws an Error, after which nothing can be applied, if it does not
     *  fit. */
    step(): void {
        const n = this.next, r = this.recording, kind = r.kind(n);
        const word = (w: number) => r.word(n, w);
        switch (kind) {
        case "memory":
            this.nframes = word(1);
            this.state = new Uint8Array(this.nframes);
            this.kind = new Uint8Array(this.nframes);
            this.order = new Uint8Array(this.nframes);
            this.level = new Uint8Array(this.nframes);
            this.count = new Uint32Array(this.nframes);
            this.last = new Int32Array(this.nframes).fill(NEVER);
            this.allocated = new Int32Array(this.nframes).fill(NEVER);
            break;
        case "frames_added":
            this.frames_change(word(0), word(1) - word(0), RESERVED, FREE);
            break;
        case "frame_alloc":
            this.frames_change(word(0), 1, FREE, USED);
            this.frames_change(word(0) + 1, 2 ** word(2) - 1, FREE, INSIDE);
            this.kind[word(0)] = word(1);
            this.order[word(0)] = word(2);
            this.count[word(0)] = 1;
            this.allocated[word(0)] = n;
            break;
        case "frame_free":
            this.frames_change(word(0), 1, USED, FREE);
            this.frames_change(word(0) + 1, 2 ** word(2) - 1, INSIDE, FREE);
            this.tables.delete(word(0));
            this.by_root.delete(word(0));
            break;
        case "frame_get":
        case "frame_put":
            if (this.count[word(1)] + (kind === "frame_get" ? 1 : -1) !== word(0))
                throw new Error(`frame 0x${word(1).toString(16)} has another count before`);
            this.count[word(1)] = word(0);
            this.last[word(1)] = n;
            break;
        case "table_new": {
            const table = new Table(this, word(1));
            if (table.level === ROOT_LEVEL) table.base = 0;
            this.level[word(0)] = word(1);
            this.tables.set(word(0), table);
            break;
        }
        case "table_copy":
            this.table_copy(n);
            break;
        case "entry_set":
            this.entry_set(n);
            break;
        case "vspace_new":
            this.spaces.set(word(0), new Space(this, word(0), r.big(n, 2), word(3)));
            this.by_tree.set(r.big(n, 2), word(0));
            this.by_root.set(word(3), word(0));
            break;
        case "vspace_fork":
            this.own_space(this.spaces.get(word(0))).parent = word(1);
            break;
        case "vspace_end": {
            const space = this.own_space(this.spaces.get(word(0)));
            if (this.by_tree.get(space.tree) === word(0)) this.by_tree.delete(space.tree);
            this.spaces.delete(word(0));
            this.cpus_leave(word(0));
            break;
        }
        case "region_map":
        case "region_change":
        case "region_unmap":
        case "region_object":
            this.region(n, kind);
            break;
        case "fault_begin":
        case "fault_end":
            this.fault(n, kind === "fault_begin");
            break;
        case "tlb_flush":
            this.own_space(this.space_of_root(word(1))).generation++;
            this.flush(n);
            break;
        case "tlb_ask":
            this.cpu_change(r.cpu(n), { asked: word(0) });
            break;
        case "tlb_answer":
            this.answer(n);
            break;
        case "fork":
            this.process_change(word(0), {
                parent: word(1), lives: true, threads: 0, space: 0,
                name: this.processes.get(word(1))?.name ?? "",
            });
            this.space_enter(word(0), word(2));
            if (!this.pids.get(word(2))) this.space_name(word(2), word(0));
            break;
        case "exec":
            this.space_enter(word(0), word(1));
            this.process_change(word(0), { name: r.name(n, 2) });
            this.space_name(word(1), word(0));
            this.cpu_load(r.cpu(n), word(1));
            break;
        case "exit":
            this.space_enter(word(0), 0);
            this.process_change(word(0), { lives: false });
            break;
        case "thread_start":
            this.threads.set(word(0), { pid: word(1), lives: true, fault: NEVER, address: 0 });
            this.process_change(word(1), {
                threads: (this.processes.get(word(1))?.threads ?? 0) + 1,
            });
            break;
        case "thread_end": {
            if (word(0) === r.thread(n)) // it has left its space before (task_exit)
                this.cpu_change(r.cpu(n), { space: 0, is_lazy: false, behind: null });
            const thread = this.threads.get(word(0));
            if (thread) this.threads.set(word(0), { ...thread, lives: false });
            this.process_change(word(1), {
                threads: (this.processes.get(word(1))?.threads ?? 0) - 1,
            });
            break;
        }
        case "thread_rename":
            this.thread_rename(n);
            break;
        case "switch":
            this.cpu_change(r.cpu(n), { thread: word(1) });
            this.cpu_load(r.cpu(n), this.by_root.get(word(2)) ?? this.space_of_new(word(1)));
            break;
        case "page_in":
        case "page_out":
        case "end":
            break;
        default:
            throw new Error(`there is no kind of events ${kind}`);
        }
        this.next++;
    }
}

/** Calls `each` for each entry of a page below a table, in the order of the addresses. `w`: whether
 *  W is set all the way. The upper half of a root is the kernel's. */
export function pages_visit(state: State, frame: number,
                            each: (address: number, low: number, frame: number, w: boolean) => void,
                            base = 0, w = true): void {
    const table = state.tables.get(frame);
    if (!table) return;
    const count = table.level === ROOT_LEVEL ? TABLE_ENTRIES / 2 : TABLE_ENTRIES;
    for (let n = 0; n < count; n++) {
        if (!table.is_set(n)) continue;
        const address = base + n * level_span(table.level);
        const has_w = w && (table.low[n] & PTE.W) !== 0;
        if (table.level > 1) pages_visit(state, table.target(n), each, address, has_w);
        else each(address, table.low[n], table.target(n), has_w);
    }
}

/** The states of a recording, any of which is computed from the keyframe before it. */
export class History {
    readonly count: number; // events that fit
    readonly problem: string; // why the event behind them does not; "": all do
    private readonly keys: State[] = [];
    private readonly interval: number;
    private latest: State;

    /** Computes the keyframes. `note` is called with the state after each event. */
    constructor(readonly recording: Recording, note?: (state: State, n: number) => void) {
        const state = new State(recording);
        let problem = "";
        this.interval = Math.max(1024, Math.ceil(recording.count / 64));
        try {
            while (state.next < recording.count) {
                if (state.next % this.interval === 0) this.keys.push(this.keep(state));
                state.step();
                note?.(state, state.next - 1);
            }
        } catch (error) {
            problem = `event ${state.next} does not fit, because ${(error as Error).message}`;
        }
        this.count = state.next;
        this.problem = problem;
        this.latest = this.keys[0].copy();
    }

    /** Returns a copy that stays. The state no longer owns what it shares with the copy, because
     *  its tables and spaces name the copy as their owner. */
    private keep(state: State): State {
        const key = state.copy();
        for (const table of state.tables.values()) if (table.owner === state) table.owner = key;
        for (const space of state.spaces.values()) if (space.owner === state) space.owner = key;
        return key;
    }

    /** Returns the state right after event `n`, which stays. */
    copy_at(n: number): State {
        const key = this.keys[Math.min(Math.floor(n / this.interval), this.keys.length - 1)];
        const state = key.copy();
        while (state.next <= n) state.step();
        return state;
    }

    /** Returns the state right after event `n`. It is valid until the next call. */
    at(n: number): State {
        const key = this.keys[Math.min(Math.floor(n / this.interval), this.keys.length - 1)];
        if (this.latest.next > n + 1 || this.latest.next < key.next) this.latest = key.copy();
        while (this.latest.next <= n) this.latest.step();
        return this.latest;
    }
}

// ---- Text that tools/replay/state.c prints as well ----

const hex = (n: number | bigint): string => n.toString(16);
const event_hex = (n: number): string => (n === NEVER ? "-" : hex(n));

function frames_text(state: State, lines: string[]): void {
    const counts = [0, 0, 0, 0];
    for (let n = 0; n < state.nframes; n++) {
        counts[state.state[n]]++;
        if (state.state[n] !== USED) continue;
        lines.push(["frame", hex(n), hex(state.kind[n]), hex(state.order[n]), hex(state.count[n]),
            hex(state.level[n]), event_hex(state.allocated[n]),
            event_hex(state.last[n])].join(" "));
        const table = state.tables.get(n);
        for (let i = 0; table && i < TABLE_ENTRIES; i++)
            if (table.is_set(i))
                lines.push(`entry ${hex(i)} ${hex(BigInt(table.high[i]) << 32n |
                    BigInt(table.low[i]))} ${event_hex(table.last[i])}`);
    }
    lines.push(`frames ${counts.map(hex).join(" ")}`);
}

/** All of a state, as `build/replay FILE state N` prints it. */
export function state_text(state: State): string {
    const lines = [`event ${hex(state.next - 1)}`];
    const by_number = <T>(map: Map<number, T>): [number, T][] =>
        [...map].sort((a, b) => a[0] - b[0]);
    frames_text(state, lines);
    for (const [number, space] of by_number(state.spaces)) {
        lines.push(["space", ...[number, space.root, space.generation, space.parent,
            space.processes, state.pids.get(number) ?? 0].map(hex)].join(" "));
        for (const r of space.regions)
            lines.push(["region", ...[r.start, r.end, r.attributes, r.pager, r.page,
                r.data_end].map(hex), event_hex(r.last)].join(" "));
    }
    const ids = new Set([...state.processes.keys(), ...state.threads.keys()]);
    for (const id of [...ids].sort((a, b) => a - b)) {
        const process = state.processes.get(id), thread = state.threads.get(id);
        if (process?.lives)
            lines.push(["process", ...[id, process.parent, process.space,
                process.threads].map(hex), process.name].join(" "));
        if (thread?.lives)
            lines.push(["thread", ...[id, thread.pid,
                thread.fault === NEVER ? 0 : thread.address].map(hex)].join(" "));
    }
    state.cpus.forEach((cpu, n) =>
        lines.push(`cpu ${hex(n)} ${hex(cpu.thread)} ${hex(cpu.asked)}`));
    return lines.join("\n") + "\n";
}
