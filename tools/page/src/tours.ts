// Guided tours: stations in a recording, each with a question and its answer. The events are found
// in whatever recording is shown, and the numbers in the texts are those of its state. So a tour
// is offered if the recording has what it tells of.

import { FRAME_KINDS, History, PAGE_SIZE, PTE, ROOT_LEVEL, State, entry_target,
    pages_visit } from "./state";
import { counted, hex, outcome_name, process_words } from "./words";

export interface Station {
    event: number; // that is shown with the question
    after: number; // that is shown with the answer
    space: number;
    address: number;
    told: string; // what the reader has to know
    question: string; // "": there is none
    choices: string[];
    right: number; // of the choices
    answer: string;
}

export interface Tour {
    id: string;
    title: string;
    stations(): Station[];
}

const USER = 4; // an access of fault_begin: not by the kernel

interface Fault {
    begin: number;
    end: number;
    space: number;
    address: number; // of the page
    outcome: string;
}

/** All faults of programs, by their ends; those of the kernel's copies are left out. */
function faults_of(history: History): Fault[] {
    const r = history.recording, begun = new Map<number, number>(), faults: Fault[] = [];
    for (let n = 0; n < history.count; n++) {
        const kind = r.kind(n), begin = begun.get(r.thread(n));
        if (kind === "fault_begin" && r.word(n, 2) & USER) begun.set(r.thread(n), n);
        if (kind !== "fault_end" || begin === undefined) continue;
        const address = r.word(begin, 1);
        begun.delete(r.thread(n));
        faults.push({
            begin, end: n, space: r.word(begin, 0), address: address - (address % PAGE_SIZE),
            outcome: outcome_name(r.word(n, 2)),
        });
    }
    return faults;
}

/** How many frames of a kind ("anon"), or of all kinds (""), the thread of a fault allocates. */
function frames_taken(history: History, fault: Fault, kind: string): number {
    const r = history.recording;
    let count = 0;
    for (let n = fault.begin; n < fault.end; n++)
        if (r.kind(n) === "frame_alloc" && r.thread(n) === r.thread(fault.begin) &&
            (!kind || FRAME_KINDS[r.word(n, 1)] === kind)) count++;
    return count;
}

function tables_copied(history: History, fault: Fault): number {
    const r = history.recording;
    let count = 0;
    for (let n = fault.begin; n < fault.end; n++)
        if (r.kind(n) === "table_copy" && r.thread(n) === r.thread(fault.begin)) count++;
    return count;
}

function pages_present(state: State, number: number): number {
    let count = 0;
    const space = state.spaces.get(number);
    if (space) pages_visit(state, space.root, (_, low) => { count += low & PTE.P; });
    return count;
}

/** The text of all choices, the right one at a place of its own. A wrong one that says the same
 *  as the right one is left out. */
function choices_make(right: string, place: number, ...wrong: string[]) {
    const choices = [...new Set(wrong)].filter((text) => text !== right);
    const at = Math.min(place, choices.length);
    choices.splice(at, 0, right);
    return { choices, right: at };
}

// ---- A lazy heap page ----

const HEAP = 1; // EVENT_REGION: the kind of a region

interface Heap {
    map: number; // the event that adds the region
    fault: Fault; // the first write to it
}

/** The write that brings the first page of a heap; that of the largest region, if there are more.
 *  One pass: each space has the region that was added last, by a thread of its own. */
function heap_find(history: History, faults: Fault[]): Heap | null {
    const r = history.recording, maps = new Map<number, number>();
    const spaces = new Map<bigint, number>(); // by the address of their trees
    let found: Heap | null = null, largest = 0, n = 0;
    for (const fault of faults) {
        for (; n < fault.begin; n++)
            if (r.kind(n) === "vspace_new") spaces.set(r.big(n, 2), r.word(n, 0));
            else if (r.kind(n) === "region_map" && ((r.low(n, 3) >>> 8) & 0xff) === HEAP)
                maps.set(spaces.get(r.big(n, 0)) ?? 0, n);
        const map = maps.get(fault.space);
        if (map === undefined || map > fault.begin || fault.address < r.word(map, 1) ||
            fault.address >= r.word(map, 2)) continue;
        maps.delete(fault.space);
        if (r.thread(map) !== r.thread(fault.begin)) continue; // fork has made it
        const size = r.word(map, 2) - r.word(map, 1);
        if (size <= largest || fault.outcome !== "zero_filled" ||
            !frames_taken(history, fault, "anon")) continue;
        found = { map, fault };
        largest = size;
    }
    return found;
}

function heap_stations(history: History, { map, fault }: Heap): Station[] {
    const r = history.recording, { space, address, begin, end } = fault;
    const state = history.copy_at(begin), who = process_words(state, state.pids.get(space) ?? 0);
    const region = state.spaces.get(space)!.region_at(address)!;
    const pages = counted((r.word(map, 2) - r.word(map, 1)) / PAGE_SIZE, "page");
    const alloc = Array.from({ length: end - begin }, (_, n) => begin + n).find((n) =>
        r.kind(n) === "frame_alloc" && r.thread(n) === r.thread(begin) &&
        FRAME_KINDS[r.word(n, 1)] === "anon") ?? begin;
    const bottom = state.walk(state.spaces.get(space)!, address).bottom;
    const tables = frames_taken(history, fault, "table");
    const taken = (n: number) => `one frame for the page${n ? `, and ${counted(n, "table")}` : ""}`;
    const at = { space, address, event: begin, after: begin };
    return [{
        ...at, event: map, after: map,
        told: `${who} has asked for more heap. The kernel has added the region ` +
            `${hex(r.word(map, 1))}-${hex(r.word(map, 2))}: ${pages}, which the program may ` +
            "read and write.",
        question: "How many frames of memory has this taken?",
        ...choices_make("none", 1, "one frame for each page", "one frame"),
        answer: "A region is a promise (rule 1). The kernel has noted the range, and no page. " +
            "Look at the address space: the cells of the region are empty, because nothing is " +
            "present.",
    }, {
        ...at, event: begin,
        told: `The program writes to ${hex(r.word(begin, 1))}, which is in the region. The CPU ` +
            "walks the page table, from the root down.",
        question: "What does the CPU find?",
        ...choices_make("an entry that is absent", 2, "a page that is read-only",
            "a page full of zeros"),
        answer: `The walk ends at level ${bottom}${bottom === 1 ? ", the leaf table" : ""}: the ` +
            "entry is absent. So the CPU raises a page fault, and the kernel's handler runs. " +
            "The region allows the write, so the handler keeps the promise.",
    }, {
        ...at, event: alloc, after: alloc,
        told: `The handler has taken frame ${hex(r.word(alloc, 0))}. Other programs may have ` +
            "used this frame before.",
        question: "What will the program find in the new page?",
        ...choices_make("zeros", 0, "what the last owner of the frame has left there",
            "the bytes of the program's file"),
        answer: "The page is full of zeros (rule 5). If the old bytes stayed, a program could " +
            "read what another one has written.",
    }, {
        ...at, event: end, after: end,
        told: "The handler has set the entry, and returns. The CPU repeats the instruction, and " +
            "the write succeeds.",
        question: "What did this one write take?",
        ...choices_make(taken(tables), 1, taken(0), taken(3),
            "as many frames as the region has pages"),
        answer: `It took ${taken(tables)}. ` +
            (tables ? "The tables on the walk were missing, too. " : "The tables on the walk " +
            "existed already. ") + "W is set in all four entries, so the CPU does not fault " +
            "here again." + (region.end - region.start > PAGE_SIZE
            ? " Every other page of the region stays a promise until it is touched." : ""),
    }];
}

// ---- Fork, the first write, the last owner takes ----

interface Fork {
    copy: number; // the event that copies the root
    fork: number;
    first: Fault; // the first write, which copies
    last: Fault; // the write of the other process, which reuses
}

function is_clear_in_root_alone(history: History, fork: number, parent: number,
                                address: number): boolean {
    const state = history.copy_at(fork), space = state.spaces.get(parent);
    const walk = space && state.walk(space, address);
    const has_w = (level: number) => ((walk?.entry[level]?.low ?? 0) & PTE.W) !== 0;
    return walk?.bottom === 1 && [1, 2, 3].every(has_w) && !has_w(ROOT_LEVEL);
}

/** A fork, a page that one of the two processes copies then, and the other one reuses. */
function fork_find(history: History, faults: Fault[]): Fork | null {
    const r = history.recording, forks: number[] = [];
    for (let n = 0; n < history.count; n++) if (r.kind(n) === "fork") forks.push(n);
    for (let i = 0; i < forks.length; i++) {
        const fork = forks[i], child = r.word(fork, 2), until = forks[i + 1] ?? history.count;
        let copy = fork, parent = 0;
        while (copy > 0 && !(r.kind(copy) === "table_copy" && r.thread(copy) === r.thread(fork)))
            copy--;
        for (let n = fork; n > 0 && !parent; n--)
            if (r.kind(n) === "vspace_fork" && r.word(n, 0) === child) parent = r.word(n, 1);
        const its = faults.filter((fault) => fault.begin > fork && fault.end < until &&
            (fault.space === parent || fault.space === child));
        for (const last of its) {
            if (last.outcome !== "reused" || frames_taken(history, last, "")) continue;
            const first = its.find((fault) => fault.end < last.begin &&
                fault.address === last.address && fault.space !== last.space &&
                fault.outcome === "copied" && tables_copied(history, fault) > 0);
            if (first && is_clear_in_root_alone(history, fork, parent, first.address))
                return { copy, fork, first, last };
        }
    }
    return null;
}

function fork_stations(history: History, { copy, fork, first, last }: Fork): Station[] {
    const r = history.recording, before = history.copy_at(fork);
    const parent = before.spaces.get(r.word(fork, 2))!.parent, { address } = first;
    const who = (space: number) => process_words(before, before.pids.get(space) ?? 0);
    const role = (space: number) => `the ${space === parent ? "parent" : "child"}, ${who(space)},`;
    const present = counted(pages_present(before, parent), "page");
    const walk = before.walk(before.spaces.get(first.space)!, address);
    const old = entry_target(walk.entry[1]?.low ?? 0, walk.entry[1]?.high ?? 0);
    const held = history.copy_at(first.end).count[old];
    const tables = tables_copied(history, first), copied = counted(tables, "table");
    const at = { space: parent, address, event: fork, after: fork };
    const other = { space: last.space, address };
    return [{
        ...at, event: copy - 1,
        told: `${who(parent)} calls fork. It has ${present} in memory, below tables of four ` +
            "levels. The child must see the same bytes, and neither process may " +
            "see later writes of the other.",
        question: "What will fork copy?",
        ...choices_make("the root alone", 2, `all tables, and the ${present}`,
            "all tables, and no page"),
        answer: "Fork copies the root alone. Both roots lead to the same tables now: look at " +
            "all tables, where those with a thick edge have two references. Nothing below is " +
            "copied, because nobody has written yet.",
    }, {
        ...at,
        told: `This is the walk of the page at ${hex(address)} after the fork. The entries below ` +
            "the root still have W.",
        question: "May the parent write to the page now?",
        ...choices_make("No: W is clear in the root", 1, "Yes: W is set in the leaf table",
            "Yes: the page belongs to the parent"),
        answer: "Fork has cleared W in both roots. The CPU ANDs the W bits of a walk, so one " +
            "clear bit in the root write-protects all that is below (rule 2). A read needs no " +
            "W, so both processes go on reading.",
    }, {
        ...at, space: first.space, event: first.begin, after: first.end,
        told: `Then ${role(first.space)} writes to the page, for the first time since ` +
            "the fork. The CPU raises a page fault, because W is clear in the root.",
        question: "What will the kernel copy now?",
        ...choices_make(`the ${copied} on the walk that are shared, and one page`, 0,
            "the page alone", `all ${present} of the process`),
        answer: `It copies ${copied} and one page. From the root down, the handler looks at each ` +
            "reference count. A table with two references is copied, and each of its children " +
            "gains one (rule 3). So the table below has two references then, and is copied next, " +
            "and at last the page. All that is not on this walk stays shared.",
    }, {
        ...at, ...other, event: first.end, after: first.end,
        told: `The writer has a page of its own now. The old page is frame ${hex(old)}, in the ` +
            "address space that is shown here.",
        question: `How many references does frame ${hex(old)} have left?`,
        ...choices_make(String(held), 1, String(held + 1), "0"),
        answer: held === 1
            ? "One: the entry of the other process. The writer's reference was dropped, after a " +
            "flush of the old entry (rule 6). W is still clear on the walk of the other process, " +
            "although it is the only owner."
            : `${held} entries and holders still lead to it (rule 4).`,
    }, {
        ...at, ...other, event: last.begin, after: last.end,
        told: `Now ${role(last.space)} writes to the same page. W is clear on its walk, ` +
            "so this is a page fault, too.",
        question: "What will the kernel copy this time?",
        ...choices_make("nothing", 2, "the page", "the tables on the walk, and the page"),
        answer: "Nothing. The reference counts on the rest of the walk are one: this process is " +
            "the last owner. So the handler takes what is there, and sets W (rule 3). It has " +
            "allocated no frame.",
    }, {
        ...at, ...other, event: last.end, after: last.end,
        told: "Nothing was copied at the fork but the root, because a clear W in the root " +
            `protects everything below. The first write copied ${copied} and one page, because ` +
            "two paths led to each of them. The last owner copied nothing, because one path " +
            "was left.",
        question: "", choices: [], right: 0, answer: "",
    }];
}

// ---- ----

/** The tours that a recording can be shown with. */
export function tours_find(history: History): Tour[] {
    const faults = faults_of(history), tours: Tour[] = [];
    const heap = heap_find(history, faults), fork = fork_find(history, faults);
    if (heap)
        tours.push({
            id: "heap", title: "A lazy heap page", stations: () => heap_stations(history, heap),
        });
    if (fork)
        tours.push({
            id: "fork", title: "Fork, the first write, and the last owner",
            stations: () => fork_stations(history, fork),
        });
    return tours;
}
