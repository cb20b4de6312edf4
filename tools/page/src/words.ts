// Events, entries and regions in words: those of tools/replay/words.c, and the sentence that says
// why, in the terms of docs/design.md.

import { History, Region, Space, State, Walk, FRAME_KINDS, NEVER, PTE, ROOT_LEVEL, USER_END,
    entry_target, level_span } from "./state";
import { Recording } from "./recording";

export const hex = (n: number | bigint): string => `0x${n.toString(16)}`;
export const counted = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? "" : "s"}`;

export const LEVELS = ["?", "leaf table", "level 2 table", "level 3 table", "root"];

export const OUTCOMES: Record<string, string> = {
    zero_mapped: "The entry shows the shared zero page, read-only.",
    zero_filled: "The page is a frame of its own, full of zeros.",
    file_mapped: "The entry shows the page of the file itself, read-only.",
    file_copied: "The page is a private copy of the page of the file.",
    shared_mapped: "The entry shows the page of the shared object.",
    shared_dirtied: "The object has marked the page as dirty, and W is set.",
    reused: "The last owner reuses what was shared: W is set, and no page is copied (rule 3).",
    copied: "The page was shared, so the writer has a copy of its own now (rule 3).",
    spurious: "The walk was enough already: another thread was first, or the TLB was behind.",
    not_mapped: "No region promises this address: SIGSEGV.",
    not_allowed: "The region does not allow the access: SIGSEGV.",
    no_page: "The object has no such page: SIGBUS.",
    no_memory: "No frame is free: the process is killed.",
    interrupted: "The thread is to be killed, and does not wait for the page.",
};
const OUTCOME_NAMES = Object.keys(OUTCOMES);
export const outcome_name = (n: number): string => OUTCOME_NAMES[n] ?? "would_wait";

export function frame_words(state: State, frame: number): string {
    if (state.state[frame] !== 2) return "free or reserved";
    return `${FRAME_KINDS[state.kind[frame]] ?? "?"}, ` +
        counted(state.count[frame], "reference");
}

/** "P W U A": the bits of an entry. */
export function bits_words(low: number, high: number): string {
    const set = Object.entries(PTE).filter(([, bit]) => low & bit).map(([name]) => name);
    if (high >>> 31) set.push("NX");
    return set.join(" ");
}

/** "frame 0x6ef7 [P W U A]", "absent" */
export function entry_words(low: number, high: number): string {
    if (!low && !high) return "absent";
    const held = low & PTE.P ? "" : " held";
    return `frame ${hex(entry_target(low, high))} [${bits_words(low, high)}]${held}`;
}

export function rights_words(attributes: number): string {
    return (attributes & 1 ? "r" : "-") + (attributes & 2 ? "w" : "-") +
        (attributes & 4 ? "x" : "-");
}
export const is_shared = (attributes: number): boolean => ((attributes >>> 24) & 1) !== 0;
export function region_kind(region: Region): string {
    const kind = ["map", "heap", "stack"][(region.attributes >>> 8) & 0xff] ?? "?";
    return kind === "map" ? (region.pager ? "object" : "anonymous") : kind;
}
export function attributes_words(attributes: number): string {
    const kind = ["map", "heap", "stack"][(attributes >>> 8) & 0xff] ?? "?";
    return `${rights_words(attributes)} ${kind} ${is_shared(attributes) ? "shared" : "private"}`;
}

export function process_words(state: State, pid: number): string {
    return pid ? `${state.processes.get(pid)?.name || "?"} (pid ${pid})` : "the kernel";
}
export function thread_words(state: State, tid: number): string {
    const pid = state.pid_of_thread(tid);
    const name = state.processes.get(pid)?.name || "?";
    if (!pid) return tid ? `tid ${tid}` : "kernel";
    return pid === tid ? `${name}/${tid}` : `${name}/${pid}:${tid}`;
}
export function space_words(state: State, number: number): string {
    const pid = state.pids.get(number) ?? 0;
    return `space ${number}` + (pid ? ` of ${process_words(state, pid)}` : ", of no process yet");
}

function range_words(start: number, end: number): string {
    return start === 0 && end >= USER_END ? "all addresses" : `${hex(start)}-${hex(end)}`;
}

// ---- What an event says ----

function entry_set_words(state: State, n: number): string {
    const r = state.recording, frame = r.word(n, 0), i = r.word(n, 1);
    const table = state.tables.get(frame);
    const at = table && table.base !== NEVER
        ? ` for ${hex(table.base + i * level_span(table.level))}` : "";
    const is_same = r.low(n, 2) && r.low(n, 3) && entry_target(r.low(n, 2), r.high(n, 2)) ===
        entry_target(r.low(n, 3), r.high(n, 3));
    const now = entry_words(r.low(n, 3), r.high(n, 3));
    const was = entry_words(r.low(n, 2), r.high(n, 2));
    return `${table ? LEVELS[table.level] : "table"} ${hex(frame)}[${i}]${at}: ${was} → ` +
        (is_same ? now.slice(now.indexOf("[")) : now);
}

function region_words(state: State, n: number, kind: string): string {
    const r = state.recording, space = state.space_of_tree(r.big(n, 0));
    const began = kind === "region_change" && r.word(n, 4) !== r.word(n, 1)
        ? ` (began at ${hex(r.word(n, 4))})` : "";
    const attributes = kind === "region_unmap" ? "" : ` ${attributes_words(r.low(n, 3))}`;
    return `${hex(r.word(n, 1))}-${hex(r.word(n, 2))}${attributes}${began} in ` +
        space_words(state, space?.number ?? 0);
}

export function access_words(access: number): string {
    return access & 16 ? "exec" : access & 2 ? "write" : "read";
}

/** What the event says, on one line. The state is that after the event. */
export function event_words(state: State, n: number): string {
    const r = state.recording, kind = r.kind(n);
    const word = (w: number) => r.word(n, w);
    const object = (w: number) => hex(r.big(n, w) & 0xffffffffffffn);
    switch (kind) {
    case "memory":
        return counted(word(1), "frame");
    case "frames_added":
        return `frames ${hex(word(0))}-${hex(word(1))} are free`;
    case "frame_alloc":
    case "frame_free":
        return `frame ${hex(word(0))} ${FRAME_KINDS[word(1)] ?? "?"}` +
            (word(2) ? `, ${2 ** word(2)} frames` : "");
    case "frame_get":
    case "frame_put":
        return `frame ${hex(word(1))} has ${counted(word(0), "reference")}`;
    case "table_new":
        return `frame ${hex(word(0))} is an empty ${LEVELS[word(1)]}`;
    case "table_copy":
        return `${LEVELS[word(2)]} ${hex(word(1))} is copied to ${hex(word(0))}: ` +
            "W is cleared in both";
    case "entry_set":
        return entry_set_words(state, n);
    case "vspace_new":
        return `space ${word(0)}, root ${hex(word(3))}`;
    case "vspace_fork":
        return `space ${word(0)} from ${space_words(state, word(1))}`;
    case "vspace_end":
        return space_words(state, word(0));
    case "region_map":
    case "region_change":
    case "region_unmap":
        return region_words(state, n, kind);
    case "region_object":
        return `the region at ${hex(word(1))} shows object ${object(2)} from page ${word(3)}`;
    case "fault_begin":
        return `${access_words(word(2))} at ${hex(word(1))}` +
            (word(2) & 4 ? "" : ", by the kernel");
    case "fault_end":
        return `${hex(word(1))}: ${outcome_name(word(2))}`;
    case "tlb_flush":
        return `${range_words(word(2), word(3))} of ` +
            `${space_words(state, state.space_of_root(word(1))?.number ?? 0)}, ` +
            `generation ${word(0)}`;
    case "tlb_ask":
    case "tlb_answer": {
        const what = ["flush a space", "flush any", "leave the space"][word(1)] ?? "?";
        return `${kind === "tlb_ask" ? `CPUs ${hex(word(0))}` : `CPU ${word(0)}`}: ${what}, ` +
            range_words(word(2), word(3));
    }
    case "fork":
        return `${process_words(state, word(1))} has the child ${word(0)}, in space ${word(2)}`;
    case "exec":
        return `${process_words(state, word(0))}, in space ${word(1)}`;
    case "exit":
        return `${process_words(state, word(0))}, status ${hex(word(1))}`;
    case "thread_start":
    case "thread_end":
        return `tid ${word(0)} of ${process_words(state, word(1))}`;
    case "thread_rename":
        return `tid ${word(0)} was ${word(1)}`;
    case "switch":
        return `${thread_words(state, word(0))} → ${thread_words(state, word(1))}`;
    case "page_in":
    case "page_out":
        return `page ${word(1)} of object ${object(0)}, frame ${hex(word(2))}` +
            (word(3) ? `, error ${word(3)}` : "");
    case "end":
        return `status ${word(0)}`;
    default:
        return "";
    }
}

// ---- Why ----

/** The level at which a write stops first: W is clear there. 0: nowhere. */
function level_without_w(walk: Walk): number {
    for (let level = ROOT_LEVEL; level >= walk.bottom; level--)
        if (walk.entry[level] && !(walk.entry[level].low & PTE.W) &&
            (walk.entry[level].low || walk.entry[level].high)) return level;
    return 0;
}

const short_level = (level: number): string =>
    ["", "the leaf table", "the level 2 table", "the level 3 table", "the root"][level];

/** What own-by-reuse-or-copy will do below the entry at `level` (rule 3). */
function rule_3(state: State, walk: Walk, level: number): string {
    const entry = walk.entry[level], target = entry_target(entry.low, entry.high);
    const count = state.count[target], kind = FRAME_KINDS[state.kind[target]];
    const since = entry.last === NEVER ? "" : ` since event ${entry.last}`;
    const clear = `W is clear in ${short_level(level)}${since}`;
    const what = level > 1 ? LEVELS[level - 1] : "page";
    if (level === 1 && kind === "zero page")
        return `${clear}, and shows the zero page, which is always replaced.`;
    if (level === 1 && kind === "cache")
        return `${clear}, and the file holds this page, so it is copied.`;
    if (count > 1) {
        const below = level > 1 ? ", and so is all that is below it on this walk" : "";
        return `${clear}. The ${what} has ${count} references, so it is copied${below} (rule 3).`;
    }
    return `${clear}. The ${what} has one reference, so it is reused: W is set (rule 3).`;
}

function absent_words(region: Region, is_write: boolean): string {
    if (is_shared(region.attributes)) return "The object gives the page.";
    if (region.pager)
        return is_write ? "The region is private, so the page of the object is copied."
            : "The page of the object is shown read-only, if it is whole.";
    if (is_write || region_kind(region) === "stack")
        return "The promise is kept by a frame of zeros.";
    return "A read of untouched memory shows the zero page.";
}

/** Why a fault came, and what the handler does about it: the rows of its table. */
function fault_words(state: State, space: Space, address: number, access: number): string {
    const region = space.region_at(address), verb = access_words(access);
    const head = `${verb[0].toUpperCase()}${verb.slice(1)} to ${hex(address)}` +
        (access & 4 ? "." : ", by the kernel.");
    if (!region) return `${head} No region is there; only a stack above it could grow.`;
    const tail = `${head} Region: ${region_kind(region)}, ${rights_words(region.attributes)}, ` +
        `${is_shared(region.attributes) ? "shared" : "private"}.`;
    const right = verb === "exec" ? 4 : verb === "write" ? 2 : 1;
    if (!(region.attributes & right)) return `${tail} The region does not allow it.`;
    const walk = state.walk(space, address), stop = level_without_w(walk);
    const bottom = walk.entry[walk.bottom];
    if (!bottom) return tail;
    if (!bottom.low && !bottom.high) {
        const above = stop ? ` ${rule_3(state, walk, stop)}` : "";
        return `${tail} The walk ends at ${short_level(walk.bottom)}: the entry is absent.` +
            `${above} ${absent_words(region, verb === "write")}`;
    }
    if (verb === "write" && stop) return `${tail} ${rule_3(state, walk, stop)}`;
    return `${tail} The walk allows it already.`;
}

function entry_why(state: State, n: number): string {
    const r = state.recording, was = r.low(n, 2), now = r.low(n, 3);
    const table = state.tables.get(r.word(n, 0));
    const what = table && table.level > 1 ? LEVELS[table.level - 1] : "page";
    if (!now) return `The entry is cleared: no address shows the ${what} here any more.`;
    if (!was) {
        if (what !== "page") return `A ${what} stands below this entry now.`;
        return now & PTE.W ? "A promise is kept: the page is present, and writable in its entry."
            : "A promise is kept: the page is present, and read-only in its entry.";
    }
    if (entry_target(was, r.high(n, 2)) !== entry_target(now, r.high(n, 3)))
        return `The ${what} is replaced. The old one loses a reference after the flush (rule 6).`;
    if (now & ~was & PTE.W)
        return `W is set: this entry alone leads to the ${what} (rule 2).`;
    if (was & ~now & PTE.W) return `W is cleared: everything below is write-protected.`;
    return "The rights of the entry change.";
}

/** The event at which the fault that begins at `n` ends, or NEVER. */
export function fault_end(r: Recording, n: number): number {
    for (let m = n + 1; m < r.count; m++)
        if (r.kind(m) === "fault_end" && r.thread(m) === r.thread(n) &&
            r.word(m, 1) === r.word(n, 1)) return m;
    return NEVER;
}

/** Why the event happened, or what follows from it, in a few sentences; "": nothing to say. */
export function why_words(history: History, state: State, n: number): string {
    const r = history.recording;
    const word = (w: number) => r.word(n, w);
    switch (r.kind(n)) {
    case "fault_begin": {
        const space = state.spaces.get(word(0));
        return space ? fault_words(state, space, word(1), word(2)) : "";
    }
    case "fault_end":
        return OUTCOMES[outcome_name(word(2))] ?? "The page is being read; the thread waits.";
    case "entry_set":
        return entry_why(state, n);
    case "table_copy": {
        const child = state.space_of_root(word(0)), parent = state.space_of_root(word(1));
        if (child && parent)
            return "Fork copies the root alone. W is clear in both roots, so parent and child " +
                "share all tables and pages below, read-only (rules 2 and 3).";
        return "More than one path leads to the table, so it is copied. Each child gains a " +
            "reference, and W is cleared in both copies (rule 3).";
    }
    case "frame_get":
        return state.tables.has(word(1)) ? "One more path leads to this table: it is shared."
            : "One more holder has this frame (rule 4).";
    case "frame_put":
        return word(0) ? "One holder has let the frame go (rule 4)."
            : "The last holder has let the frame go: it is freed next.";
    case "frame_alloc":
        return "The frame begins with one reference (rule 4).";
    case "frame_free":
        return "Nothing holds the frame, and nobody reads or writes it from now on (rule 5).";
    case "tlb_flush":
        return "A CPU may have kept an old entry, so it is dropped before the last reference " +
            "goes (rule 6).";
    case "region_map":
        return "A promise is added, and no page (rule 1).";
    case "region_unmap":
        return "The promise is withdrawn (rule 1).";
    case "exec":
        return "The process has a new address space, with promises and hardly a page (rule 1).";
    case "fork":
        return "The child shares all memory of its parent, until one of them writes.";
    default:
        return "";
    }
}
