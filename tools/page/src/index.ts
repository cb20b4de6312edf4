// What a search needs to know of every event: the process that made it, and the addresses that it
// is about. Filters have the words of `build/replay FILE list`.

import { Kind, GROUPS, KINDS, Recording } from "./recording";
import { PAGE_SIZE, State, USER_END, entry_target, level_span, NEVER } from "./state";
import { outcome_name } from "./words";

/** Filled in the pass over all events that makes the keyframes. */
export class Index {
    readonly pids: Int32Array;
    readonly starts: Float64Array; // the addresses [start, end) of each event; NEVER: none
    readonly ends: Float64Array;

    constructor(readonly recording: Recording) {
        this.pids = new Int32Array(recording.count);
        this.starts = new Float64Array(recording.count).fill(NEVER);
        this.ends = new Float64Array(recording.count).fill(NEVER);
    }

    /** Notes event `n`. The state is that after it. */
    note(state: State, n: number): void {
        const r = this.recording;
        this.pids[n] = state.pid_of_thread(r.thread(n));
        switch (r.kind(n)) {
        case "fault_begin":
        case "fault_end":
            this.starts[n] = r.word(n, 1);
            this.ends[n] = r.word(n, 1) + 1;
            break;
        case "entry_set": {
            const table = state.tables.get(r.word(n, 0));
            if (!table || table.base === NEVER) break;
            this.starts[n] = table.base + r.word(n, 1) * level_span(table.level);
            this.ends[n] = this.starts[n] + level_span(table.level);
            break;
        }
        case "table_copy": {
            const table = state.tables.get(r.word(n, 0));
            if (!table || table.base === NEVER) break;
            this.starts[n] = table.base;
            this.ends[n] = Math.min(table.base + 512 * level_span(table.level), USER_END);
            break;
        }
        case "region_map":
        case "region_change":
        case "region_unmap":
            this.starts[n] = r.word(n, 1);
            this.ends[n] = r.word(n, 2);
            break;
        case "tlb_flush":
            this.starts[n] = r.word(n, 2);
            this.ends[n] = r.word(n, 3);
            break;
        }
    }

    is_about_page(n: number, page: number): boolean {
        return this.starts[n] !== NEVER && this.starts[n] < page + PAGE_SIZE &&
            this.ends[n] > page;
    }

    is_about_frame(n: number, frame: number): boolean {
        const r = this.recording;
        switch (r.kind(n)) {
        case "frame_alloc":
        case "frame_free":
            return r.word(n, 0) <= frame && frame < r.word(n, 0) + 2 ** r.word(n, 2);
        case "frame_get":
        case "frame_put":
            return r.word(n, 1) === frame;
        case "table_new":
            return r.word(n, 0) === frame;
        case "table_copy":
            return r.word(n, 0) === frame || r.word(n, 1) === frame;
        case "entry_set":
            return r.word(n, 0) === frame || entry_target(r.low(n, 2), r.high(n, 2)) === frame ||
                entry_target(r.low(n, 3), r.high(n, 3)) === frame;
        case "page_in":
        case "page_out":
            return r.word(n, 2) === frame;
        case "vspace_new":
            return r.word(n, 3) === frame;
        default:
            return false;
        }
    }
}

type Test = (n: number) => boolean;

function number_of(text: string): number {
    return /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : NaN;
}

function filter_parse(index: Index, name: string, text: string): Test | string {
    const r = index.recording, value = number_of(text);
    if (name === "outcome")
        return (n) => r.kind(n) === "fault_end" && outcome_name(r.word(n, 2)) === text;
    if (name === "in") return (n) => r.place(n).split(",")[0] === text;
    if (Number.isNaN(value)) return `${name}=${text}: that is no number`;
    switch (name) {
    case "page": {
        const page = value - (value % PAGE_SIZE);
        return (n) => index.is_about_page(n, page);
    }
    case "frame":
        return (n) => index.is_about_frame(n, value);
    case "pid":
        return (n) => index.pids[n] === value;
    case "tid":
        return (n) => r.thread(n) === value;
    case "cpu":
        return (n) => r.cpu(n) === value;
    default:
        return `there is no filter ${name}=`;
    }
}

/** The events that pass the words of a filter, in order; a string says what is wrong with them. */
export function events_find(index: Index, count: number, text: string): Int32Array | string {
    const kinds = new Set<Kind>(), tests: Test[] = [];
    for (const word of text.trim().split(/\s+/).filter((w) => w !== "")) {
        const at = word.indexOf("=");
        if (at < 0) {
            const group = GROUPS[word] ?? (KINDS as readonly string[]).filter((k) => k === word);
            if (group.length === 0) return `there is no kind of events '${word}'`;
            for (const kind of group) kinds.add(kind as Kind);
            continue;
        }
        const test = filter_parse(index, word.slice(0, at), word.slice(at + 1));
        if (typeof test === "string") return test;
        tests.push(test);
    }
    const found: number[] = [];
    for (let n = 0; n < count; n++)
        if ((kinds.size === 0 || kinds.has(index.recording.kind(n))) && tests.every((t) => t(n)))
            found.push(n);
    return Int32Array.from(found);
}
