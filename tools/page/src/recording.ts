// A recording: its events, as include/pagoda/event.h lays them out. Addresses of programs, frames
// and counts are numbers; what may have more than 53 bits is a bigint.

export const HEADER = 4096;
export const EVENT_BYTES = 64;

// The kinds, in the order of enum event_kind.
export const KINDS = [
    "none", "memory", "frames_added", "frame_alloc", "frame_free", "frame_get", "frame_put",
    "table_new", "table_copy", "entry_set", "vspace_new", "vspace_fork", "vspace_end",
    "region_map", "region_change", "region_unmap", "region_object", "fault_begin", "fault_end",
    "tlb_flush", "tlb_ask", "tlb_answer", "fork", "exec", "exit", "thread_start", "thread_end",
    "thread_rename", "switch", "page_in", "page_out", "end",
] as const;
export type Kind = (typeof KINDS)[number];

// Kinds that are often wanted together, as build/replay names them. The order is that of the marks.
export const GROUPS: Record<string, readonly Kind[]> = {
    faults: ["fault_begin", "fault_end"],
    tables: ["table_new", "table_copy", "entry_set"],
    frames: ["frame_alloc", "frame_free", "frame_get", "frame_put", "frames_added", "memory"],
    regions: ["region_map", "region_change", "region_unmap", "region_object"],
    flushes: ["tlb_flush", "tlb_ask", "tlb_answer"],
    processes: ["fork", "exec", "exit", "vspace_new", "vspace_fork", "vspace_end"],
    threads: ["thread_start", "thread_end", "thread_rename", "switch", "end"],
    pages: ["page_in", "page_out"],
};

const GROUP_NAMES = Object.keys(GROUPS);
const GROUP_OF_KIND = KINDS.map((kind) => GROUP_NAMES.findIndex((g) => GROUPS[g].includes(kind)));

export class Recording {
    readonly count: number;
    private readonly halves: Uint32Array;
    private readonly bytes: Uint8Array;
    private readonly words: BigUint64Array;

    /** Takes the bytes of a file. Throws an Error for a person if they are no recording. */
    constructor(file: ArrayBuffer, readonly places: ReadonlyMap<bigint, string> = new Map()) {
        const head = new Uint8Array(file, 0, Math.min(8, file.byteLength));
        if (String.fromCharCode(...head) !== "PAGODAEV" || file.byteLength < HEADER)
            throw new Error("this file is no recording of Pagoda");
        const version = new DataView(file).getUint32(8, true);
        if (version !== 1) throw new Error(`the recording has version ${version}, and not 1`);
        this.count = Math.floor((file.byteLength - HEADER) / EVENT_BYTES);
        this.halves = new Uint32Array(file, HEADER, this.count * 16);
        this.bytes = new Uint8Array(file, HEADER, this.count * EVENT_BYTES);
        this.words = new BigUint64Array(file, HEADER, this.count * 8);
    }

    kind(n: number): Kind {
        return KINDS[this.bytes[n * 64 + 16]] ?? "none";
    }
    group(n: number): number {
        return GROUP_OF_KIND[this.bytes[n * 64 + 16]];
    }
    cpu(n: number): number {
        return this.bytes[n * 64 + 17];
    }
    thread(n: number): number {
        return this.halves[n * 16 + 5];
    }
    time(n: number): number {
        return Number(this.words[n * 8 + 1]);
    }
    /** The word as a number; exact below 2^53. */
    word(n: number, w: number): number {
        const at = n * 16 + 6 + 2 * w;
        return this.halves[at + 1] * 0x100000000 + this.halves[at];
    }
    low(n: number, w: number): number {
        return this.halves[n * 16 + 6 + 2 * w];
    }
    high(n: number, w: number): number {
        return this.halves[n * 16 + 7 + 2 * w];
    }
    big(n: number, w: number): bigint {
        return this.words[n * 8 + 3 + w];
    }
    /** The name of a program, which stands in two words. */
    name(n: number, w: number): string {
        const at = n * 64 + 24 + 8 * w;
        const all = this.bytes.subarray(at, at + 16);
        const end = all.indexOf(0);
        return String.fromCharCode(...all.subarray(0, end < 0 ? 16 : end));
    }
    /** The function and line that have made the event. The allocator of frames names its caller. */
    place(n: number): string {
        const kind = this.kind(n);
        const own = this.place_at(0xffffffff00000000n | BigInt(this.halves[n * 16 + 1]));
        const word = kind === "frame_alloc" || kind === "frame_free" ? 3
            : kind === "frame_get" || kind === "frame_put" ? 2 : -1;
        if (word >= 0 && this.big(n, word) && own.includes(", kernel/mm/frame.c:"))
            return this.place_at(this.big(n, word));
        return own;
    }
    private place_at(address: bigint): string {
        return this.places.get(address) ?? `0x${address.toString(16)}`;
    }
}

/** Reads the lines of `build/replay FILE places`. */
export function places_parse(text: string): Map<bigint, string> {
    const places = new Map<bigint, string>();
    for (const line of text.split("\n")) {
        const at = line.indexOf(" ");
        if (at > 0) places.set(BigInt(`0x${line.slice(0, at)}`), line.slice(at + 1));
    }
    return places;
}
