// What differs between two moments: address spaces, regions, pages and frames. The words are those
// of `build/replay FILE diff` (tools/replay/diff.c), and `make test-page` compares the two.

import { FRAME_KINDS, PAGE_SIZE, PTE, Region, Space, State, USED, pages_visit } from "./state";
import { attributes_words, counted, hex, process_words } from "./words";

export interface Difference {
    words: string;
    address?: number; // the first page
    space: number;
}

interface Page {
    words: string; // "anon, writable"
    frame: number;
}

const ABSENT: Page = { words: "absent", frame: 0 };

function pages_of(state: State, space: Space | undefined): Map<number, Page> {
    const pages = new Map<number, Page>();
    if (space)
        pages_visit(state, space.root, (address, low, frame, w) => pages.set(address, {
            frame,
            words: `${FRAME_KINDS[state.kind[frame]] ?? "?"}, ` +
                (!(low & PTE.P) ? "held" : w ? "writable" : "read-only"),
        }));
    return pages;
}

function page_compare(was: Page, is: Page): string {
    if (was.words === is.words && was.frame === is.frame) return "";
    const frames = was.frame && is.frame
        ? ` (${was.frame === is.frame ? "the same" : "another"} frame)` : "";
    return `${was.words} -> ${is.words}${frames}`;
}

/** Pages next to each other that differ in the same way are one line. */
function pages_compare(before: Map<number, Page>, after: Map<number, Page>,
                       space: number): Difference[] {
    const runs: { start: number; end: number; how: string }[] = [];
    const addresses = new Set([...before.keys(), ...after.keys()]);
    for (const page of [...addresses].sort((a, b) => a - b)) {
        const how = page_compare(before.get(page) ?? ABSENT, after.get(page) ?? ABSENT);
        const run = runs[runs.length - 1];
        if (!how) continue;
        if (run && run.end === page && run.how === how) run.end += PAGE_SIZE;
        else runs.push({ start: page, end: page + PAGE_SIZE, how });
    }
    return runs.map(({ start, end, how }) => ({
        words: `  ${hex(start)}-${hex(end)}, ${counted((end - start) / PAGE_SIZE, "page")}: ${how}`,
        address: start, space,
    }));
}

function region_is_same(a: Region, b: Region | undefined): boolean {
    return b !== undefined && a.end === b.end && a.attributes === b.attributes &&
        a.pager === b.pager && a.page === b.page;
}

/** The regions of a space that another moment of it does not have. */
function regions_missing(from: Space | undefined, other: Space | undefined, sign: string,
                         space: number): Difference[] {
    const missing = (from?.regions ?? []).filter((region) =>
        !region_is_same(region, other?.region_from(region.start)));
    return missing.map((region) => ({
        words: `  ${sign} region ${hex(region.start)}-${hex(region.end)} ` +
            attributes_words(region.attributes) + (region.pager
            ? `, page ${region.page} of object ${hex(region.pager & 0xffffffffffffn)}` : ""),
        address: region.start, space,
    }));
}

function frames_used(state: State): number[] {
    const counts = FRAME_KINDS.map(() => 0);
    for (let n = 0; n < state.nframes; n++)
        if (state.state[n] === USED) counts[state.kind[n]] += 2 ** state.order[n];
    return counts;
}

/** "frames in use: +1 anon +3 table" */
function frames_compare(before: State, after: State): string {
    const was = frames_used(before), words = ["frames in use:"];
    frames_used(after).forEach((is, kind) => {
        const by = is - was[kind];
        if (by) words.push(`${by > 0 ? "+" : ""}${by} ${FRAME_KINDS[kind]}`);
    });
    return words.join(" ");
}

/** The differences, in the order of the address spaces; the last one is that of the frames. */
export function states_compare(before: State, after: State): Difference[] {
    const found: Difference[] = [];
    const numbers = new Set([...before.spaces.keys(), ...after.spaces.keys()]);
    for (const number of [...numbers].sort((a, b) => a - b)) {
        const was = before.spaces.get(number), is = after.spaces.get(number);
        const state = is ? after : before, pid = state.pids.get(number) ?? 0;
        const owner = pid ? `of ${process_words(state, pid)}` : "of no process";
        const space = is ? number : 0;
        const what = !was ? ", new" : !is ? ", gone" : "";
        found.push({
            words: `space ${number}${pid ? " " : ", "}${owner}${what}`, space,
        });
        found.push(...regions_missing(was, is, "-", space));
        found.push(...regions_missing(is, was, "+", space));
        if (is) found.push(...pages_compare(pages_of(before, was), pages_of(after, is), space));
    }
    found.push({ words: frames_compare(before, after), space: 0 });
    return found;
}
