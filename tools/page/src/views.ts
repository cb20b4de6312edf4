// The views of one moment: processes and CPUs, an address space, a walk, all tables, and frames.
// Each draws itself anew; what is selected is marked in all.

import { by_id, canvas_open, colour, colour_pixel, h, link, svg } from "./dom";
import { Cpu, FRAME_KINDS, INSIDE, NEVER, PAGE_SIZE, PTE, RESERVED, ROOT_LEVEL, Region, Space,
    State, TABLE_ENTRIES, Table, USED, USER_END, Walk, entry_target, level_index,
    level_span } from "./state";
import { LEVELS, bits_words, counted, frame_words, hex, is_shared, region_kind,
    rights_words, space_words, thread_words } from "./words";

export interface Selection {
    space: number; // 0: none
    address: number; // of a page; NEVER: none
    frame: number; // NEVER: none
}

export interface Choose {
    space(number: number): void;
    address(address: number, space?: number): void;
    frame(frame: number): void;
    event(n: number): void;
}

export const KIND_NAMES = ["reserved", "free", "anon", "table", "cache", "heap", "kstack",
    "kernel", "zero page"];
const KIND_COLOURS = ["reserved", "free", "anon", "table", "cache", "heap", "kstack", "kernel",
    "zero"];

const USER_ROOT = TABLE_ENTRIES / 2; // the entries of a root that are not the kernel's
const entries_of = (table: Table): number =>
    table.level === ROOT_LEVEL ? USER_ROOT : TABLE_ENTRIES;

// ---- Processes and CPUs ----

function process_item(state: State, pid: number, selected: Selection, choose: Choose): HTMLElement {
    const process = state.processes.get(pid)!, space = state.spaces.get(process.space);
    const children = [...state.processes.values()].filter((p) => p.lives && p.parent === pid);
    const is_chosen = space !== undefined && space.number === selected.space;
    const threads = [...state.threads].filter(([, t]) => t.lives && t.pid === pid);
    return h("li", {},
        h("button", {
            type: "button", class: "process", "aria-pressed": String(is_chosen),
            click: () => choose.space(process.space),
        }, h("b", {}, process.name || "?"), ` pid ${pid}, space ${process.space}`,
        threads.length > 1 ? `, ${threads.length} threads` : ""),
        children.length > 0 && h("ul", {},
            ...children.map((child) => process_item(state, child.pid, selected, choose))));
}

export function processes_draw(state: State, selected: Selection, choose: Choose): void {
    const alive = [...state.processes.values()].filter((p) => p.lives);
    const roots = alive.filter((p) => !alive.some((other) => other.pid === p.parent));
    by_id("tree").replaceChildren(alive.length
        ? h("ul", { class: "tree" },
            ...roots.map((p) => process_item(state, p.pid, selected, choose)))
        : h("p", {}, "There is no process yet."));
    const others = [...state.spaces.values()].filter((s) => s.processes === 0);
    if (others.length)
        by_id("tree").append(h("p", {}, "Without a process: ", ...others.map((s) =>
            link(`space ${s.number} `, () => choose.space(s.number)))));
}

/** What the TLB of a CPU may hold. A CPU that loads another space drops all of the one before. */
function tlb_words(state: State, cpu: Cpu): string {
    if (!cpu.space) return "Its TLB holds nothing of a program.";
    const space = space_words(state, cpu.space), { behind } = cpu;
    const lazy = cpu.is_lazy ? ", which it has loaded but does not run" : "";
    if (!behind) return `Its TLB may hold entries of ${space}${lazy}; none of them is old.`;
    const until = cpu.is_lazy ? "runs the space again, or loads another one" : "answers";
    const flushes = behind.count === 1 ? "A flush is" : `${behind.count} flushes are`;
    return `Its TLB may hold entries of ${space}${lazy}. ${flushes} not done here since event ` +
        `${behind.first}: entries for ${hex(behind.start)}-${hex(behind.end)} may be old until ` +
        `the CPU ${until}.`;
}

export function cpus_draw(state: State, count: number): void {
    by_id("cpus").replaceChildren(h("ul", { class: "cpus" },
        ...state.cpus.slice(0, count).map((cpu, n) => h("li", {}, h("b", {}, `CPU ${n}`),
            ` runs ${cpu.thread ? thread_words(state, cpu.thread) : "the kernel, or is idle"}`,
            cpu.asked ? `; waits for a flush by the CPUs ${hex(cpu.asked)}` : "", ".",
            h("p", { class: "note" }, tlb_words(state, cpu))))));
}

// ---- An address space ----

interface Page {
    address: number;
    is_present: boolean; // false: held
    is_writable: boolean; // W is set all the way
    is_shared: boolean; // more than one path leads to it
    frame: number;
}

/** Calls `each` for the pages in [start, end) that have an entry. */
function region_visit(state: State, frame: number, base: number, start: number, end: number,
                     mine: boolean, each: (page: Page) => void): void {
    const table = state.tables.get(frame);
    if (!table) return;
    const span = level_span(table.level);
    const first = Math.max(0, Math.floor((start - base) / span));
    const last = Math.min(entries_of(table), Math.ceil((end - base) / span));
    for (let n = first; n < last; n++) {
        if (!table.is_set(n)) continue;
        const target = table.target(n), w = mine && (table.low[n] & PTE.W) !== 0;
        const is_mine = mine && (state.count[target] === 1 || (table.low[n] & PTE.W) !== 0);
        if (table.level > 1)
            region_visit(state, target, base + n * span, start, end, w, each);
        else
            each({
                address: base + n * span, is_present: (table.low[n] & PTE.P) !== 0,
                is_writable: w, is_shared: !is_mine || (table.low[n] & PTE.SHARED) !== 0,
                frame: target,
            });
    }
}

const CELLS_MAX = 128;
const CELL_NAMES: Record<string, string> = {
    promised: "promised, not present", read: "present, read-only", write: "present, writable",
    shared: "present, read-only, shared", held: "held: nobody may touch it",
};
const CELL_MARKS: Record<string, string> =
    { promised: "", read: "r", write: "W", shared: "s", held: "h" };

function cell_of(page: Page): string {
    if (!page.is_present) return "held";
    if (page.is_writable) return "write";
    return page.is_shared ? "shared" : "read";
}

function region_draw(state: State, space: Space, region: Region, selected: Selection,
                     choose: Choose): HTMLElement {
    const pages = (region.end - region.start) / PAGE_SIZE;
    const per_cell = Math.ceil(pages / CELLS_MAX), cells = Math.ceil(pages / per_cell);
    const found = new Array<string>(cells).fill("promised");
    const counts: Record<string, number> = { write: 0, read: 0, shared: 0, held: 0 };
    region_visit(state, space.root, 0, region.start, region.end, true, (page) => {
        const what = cell_of(page);
        counts[what]++;
        const at = Math.floor((page.address - region.start) / PAGE_SIZE / per_cell);
        if (found[at] === "promised" || what === "write") found[at] = what;
    });
    const present = counts.write + counts.read + counts.shared;
    const has_it = selected.address >= region.start && selected.address < region.end;
    const chosen = has_it
        ? Math.floor((selected.address - region.start) / PAGE_SIZE / per_cell) : -1;
    const strip = h("div", { class: "cells", "aria-hidden": "true" },
        ...found.map((what, n) => h("span", {
            class: `cell ${what}${n === chosen ? " chosen" : ""}`,
            title: `${hex(region.start + n * per_cell * PAGE_SIZE)}: ${CELL_NAMES[what]}`,
            click: () => choose.address(region.start + n * per_cell * PAGE_SIZE),
        }, CELL_MARKS[what])));
    const words = [`${counts.write} writable`, `${counts.read} read-only`,
        `${counts.shared} shared`, counts.held ? `${counts.held} held` : ""].filter((w) => w);
    const move = (event: Event) => {
        const key = (event as KeyboardEvent).key;
        const by = key === "ArrowRight" ? PAGE_SIZE : key === "ArrowLeft" ? -PAGE_SIZE : 0;
        const to = (has_it ? selected.address : region.start) + by;
        if (!by) return;
        event.preventDefault();
        if (to >= region.start && to < region.end) choose.address(to);
    };
    return h("div", { class: `region${has_it ? " chosen" : ""}` },
        h("button", {
            type: "button", class: "region-name", "aria-pressed": String(has_it),
            id: `region-${region.start.toString(16)}`, keydown: move,
            click: () => choose.address(region.start),
        }, h("code", {}, `${hex(region.start)}–${hex(region.end)}`), " ",
        h("b", {}, rights_words(region.attributes)), ` ${region_kind(region)}, `,
        is_shared(region.attributes) ? "shared" : "private",
        h("span", { class: "note" }, `${present} of ${counted(pages, "page")} present` +
            (present || counts.held ? `: ${words.join(", ")}` : ""))),
        strip, per_cell > 1 && h("p", { class: "note" }, `One cell is ${per_cell} pages.`));
}

const REGIONS_MAX = 64; // that are drawn, around the selected page

export function space_draw(state: State, selected: Selection, choose: Choose): void {
    const space = state.spaces.get(selected.space);
    by_id("space-title").textContent = space
        ? `Address space: ${space_words(state, space.number)}` : "Address space";
    if (!space) {
        by_id("regions").replaceChildren(h("p", {}, "No address space is selected."));
        return;
    }
    const count = space.regions.length, at = space.region_index(selected.address);
    const first = Math.max(0, Math.min(at - REGIONS_MAX / 2, count - REGIONS_MAX));
    const shown = space.regions.slice(first, first + REGIONS_MAX);
    by_id("regions").replaceChildren(
        h("p", { class: "note" }, `${counted(count, "region")}, root `,
            link(hex(space.root), () => choose.frame(space.root)),
            `, ${counted(Number(space.generation), "flush")}`.replace(/flushs$/, "flushes"),
            space.parent ? `, forked from space ${space.parent}` : "",
            shown.length < count ? `; those from ${first + 1} on are shown` : ""),
        ...shown.map((region) => region_draw(state, space, region, selected, choose)));
}

export function page_legend_draw(): void {
    by_id("page-legend").replaceChildren(...Object.keys(CELL_NAMES).flatMap((what) => [
        h("span", { class: `cell ${what}`, "aria-hidden": "true" }, CELL_MARKS[what]),
        h("span", {}, ` ${CELL_NAMES[what]}  `)]));
}

// ---- The walk of an address ----

const CELL = 7, COLUMNS = 32;

function grid_draw(table: Table, chosen: number): HTMLCanvasElement {
    const canvas = h("canvas", { class: "grid", "aria-hidden": "true" });
    const context = canvas_open(canvas, COLUMNS * CELL + 2, (TABLE_ENTRIES / COLUMNS) * CELL + 2);
    for (let n = 0; n < TABLE_ENTRIES; n++) {
        const x = (n % COLUMNS) * CELL + 1, y = Math.floor(n / COLUMNS) * CELL + 1;
        const is_kernel = n >= entries_of(table);
        context.fillStyle = colour(!table.is_set(n) ? "cell" : is_kernel ? "kernel" : "table");
        context.fillRect(x, y, CELL - 1, CELL - 1);
        if (table.is_set(n) && !is_kernel && !(table.low[n] & PTE.W)) {
            context.fillStyle = colour("surface"); // a hole: W is clear
            context.fillRect(x + 2, y + 2, CELL - 5, CELL - 5);
        }
        if (n !== chosen) continue;
        context.strokeStyle = colour("mark");
        context.lineWidth = 2;
        context.strokeRect(x - 0.5, y - 0.5, CELL, CELL);
    }
    return canvas;
}

interface Parent {
    frame: number;
    index: number;
    spaces: number[];
}

/** The spaces from whose root a table is reached. */
function spaces_of(state: State, frame: number, address: number): number[] {
    const level = state.tables.get(frame)?.level ?? 0;
    return [...state.spaces.values()]
        .filter((space) => state.walk(space, address).table[level] === frame)
        .map((space) => space.number);
}

/** The entries that show a frame. */
function parents_of(state: State, frame: number): Parent[] {
    const found: Parent[] = [];
    for (const [number, table] of state.tables)
        for (let n = 0; n < entries_of(table); n++) {
            if (!table.is_set(n) || table.target(n) !== frame) continue;
            const address = table.base + n * level_span(table.level);
            found.push({
                frame: number, index: n,
                spaces: table.base === NEVER ? [] : spaces_of(state, number, address),
            });
        }
    return found;
}

const ENTRY_BITS: [keyof typeof PTE, string, string][] = [
    ["P", "present", "not present"], ["W", "W is set", "W is clear"], ["U", "user", "kernel only"],
    ["A", "accessed", ""], ["D", "dirty", ""], ["SHARED", "of a shared region", ""],
    ["FRESH", "fresh: waits for a flush", ""],
];

function entry_sentence(state: State, low: number, high: number): string {
    if (!low && !high) return "absent";
    const words = ENTRY_BITS.map(([bit, set, clear]) => (low & PTE[bit] ? set : clear));
    if (high >>> 31) words.push("not executable");
    const target = entry_target(low, high);
    return `frame ${hex(target)} (${frame_words(state, target)}): ` +
        words.filter((word) => word).join(", ");
}

function level_draw(state: State, walk: Walk, level: number, address: number,
                    choose: Choose): HTMLElement {
    const frame = walk.table[level], table = state.tables.get(frame)!;
    const n = level_index(level, address), entry = walk.entry[level];
    const users = spaces_of(state, frame, address);
    const grid = grid_draw(table, n);
    grid.addEventListener("click", (event) => {
        const box = grid.getBoundingClientRect();
        const column = Math.floor(((event.clientX - box.left) / box.width) * COLUMNS);
        const row = Math.floor(((event.clientY - box.top) / box.height) * 16);
        const index = row * COLUMNS + column;
        if (index < entries_of(table))
            choose.address(table.base + index * level_span(level));
    });
    let used = 0;
    for (let i = 0; i < TABLE_ENTRIES; i++) used += Number(table.is_set(i));
    return h("li", { class: "level" },
        h("h3", {}, `${LEVELS[level][0].toUpperCase()}${LEVELS[level].slice(1)} `,
            link(hex(frame), () => choose.frame(frame))),
        grid,
        h("div", {},
            h("p", {}, h("b", {}, `[${n}] `), entry_sentence(state, entry.low, entry.high)),
            h("p", { class: "note" }, `${used} of 512 entries are in use.`,
                entry.last !== NEVER ? " This one was set by " : "",
                entry.last !== NEVER &&
                    link(`event ${entry.last}`, () => choose.event(entry.last)),
                entry.last !== NEVER ? "." : ""),
            users.length > 1 && h("p", { class: "shared-note" }, "⇄ Reached by ",
                users.map((s) => space_words(state, s)).join(", "), ".")));
}

/** "W: 0 AND 1 AND 1 AND 1 = 0: read-only" */
function and_draw(walk: Walk): HTMLElement {
    const parts: (Node | string)[] = [];
    let all = walk.bottom === 1;
    for (let level = ROOT_LEVEL; level >= walk.bottom; level--) {
        const w = (walk.entry[level].low & PTE.W) !== 0;
        all = all && w;
        if (parts.length) parts.push(h("span", {}, "AND"));
        parts.push(h("span", { class: `bit ${w ? "set" : "clear"}` },
            h("small", {}, LEVELS[level].replace(" table", "")), w ? "1" : "0"));
    }
    const leaf = walk.bottom === 1 ? walk.entry[1] : undefined;
    const result = !leaf || (!leaf.low && !leaf.high) ? "no page is present"
        : !(leaf.low & PTE.P) ? "the page is held"
            : all ? "1: writable" : "0: a write faults";
    return h("p", { class: "and" }, h("b", {}, "W"), ...parts, h("span", {}, "="),
        h("b", {}, result));
}

export function walk_draw(state: State, selected: Selection, choose: Choose): void {
    const space = state.spaces.get(selected.space), address = selected.address;
    const title = by_id("walk-title");
    title.textContent = "The walk";
    if (!space || address === NEVER) {
        by_id("levels").replaceChildren(h("p", {}, "Select a page of the address space."));
        return;
    }
    title.textContent = `The walk of ${hex(address)}`;
    const walk = state.walk(space, address), levels: HTMLElement[] = [];
    for (let level = ROOT_LEVEL; level >= walk.bottom; level--)
        levels.push(level_draw(state, walk, level, address, choose));
    if (!levels.length) {
        by_id("levels").replaceChildren(h("p", {}, "The root of this address space is gone."));
        return;
    }
    by_id("levels").replaceChildren(and_draw(walk), h("ol", { class: "levels" }, ...levels));
}

// ---- All tables ----

const NODE_WIDTH = 128, NODE_HEIGHT = 50, COLUMN = 168, ROW = 60, NODES_MAX = 300;
const NODE_TEXT = NODE_WIDTH - 14, LETTER = 7.4; // pixels; a letter is hardly ever wider
const HEADING = 22;

interface Node_ {
    frame: number;
    table: Table;
    x: number;
    y: number;
}

/** Places the tables that the spaces reach: a column for each level, in the order of the walk. */
function nodes_place(state: State, spaces: Space[]): Map<number, Node_> {
    const nodes = new Map<number, Node_>();
    const rows = [0, 0, 0, 0, 0];
    const visit = (frame: number): void => {
        const table = state.tables.get(frame);
        if (!table || nodes.has(frame) || nodes.size >= NODES_MAX) return;
        const column = ROOT_LEVEL - table.level;
        const y = rows[table.level]++ * ROW + HEADING;
        nodes.set(frame, { frame, table, x: column * COLUMN + 4, y });
        for (let n = 0; table.level > 1 && n < entries_of(table); n++)
            if (table.is_set(n)) visit(table.target(n));
    };
    for (const space of spaces) visit(space.root);
    return nodes;
}

function edges_draw(nodes: Map<number, Node_>, walk: Walk | undefined): SVGElement[] {
    const edges: SVGElement[] = [];
    for (const from of nodes.values())
        for (let n = 0; from.table.level > 1 && n < entries_of(from.table); n++) {
            const to = from.table.is_set(n) ? nodes.get(from.table.target(n)) : undefined;
            if (!to) continue;
            const has_w = (from.table.low[n] & PTE.W) !== 0, level = from.table.level;
            const on_walk = walk !== undefined && walk.table[level] === from.frame &&
                walk.table[level - 1] === to.frame;
            const x = from.x + NODE_WIDTH, y = from.y + NODE_HEIGHT / 2;
            const y2 = to.y + NODE_HEIGHT / 2;
            const bend = (to.x - x) / 2;
            edges.push(svg("path", {
                d: `M${x} ${y} C${x + bend} ${y} ${to.x - bend} ${y2} ${to.x} ${y2}`,
                class: `edge ${has_w ? "w" : "no-w"}${on_walk ? " walk" : ""}`,
            }));
        }
    return edges;
}

/** A line of text in a table's box. A line that may be wider than the box is pressed into it. */
function line_draw(node: Node_, y: number, words: string, name = ""): SVGElement {
    const is_long = words.length * LETTER > NODE_TEXT;
    return svg("text", {
        x: node.x + 7, y: node.y + y, class: name,
        textLength: is_long && NODE_TEXT, lengthAdjust: is_long && "spacingAndGlyphs",
    }, words);
}

function node_draw(state: State, node: Node_, selected: Selection, on_walk: boolean,
                   choose: Choose): SVGElement {
    const { frame, table, x, y } = node;
    const space = state.space_of_root(frame), count = state.count[frame];
    let pages = 0;
    for (let n = 0; n < entries_of(table); n++) pages += Number(table.is_set(n));
    const process = state.processes.get(state.pids.get(space?.number ?? 0) ?? 0);
    const name = space ? `${process?.name || "?"}, space ${space.number}`
        : hex(table.base === NEVER ? 0 : table.base);
    const act = () => (space ? choose.space(space.number)
        : choose.frame(frame));
    const is_chosen = selected.frame === frame || selected.space === space?.number;
    return svg("g", {
        role: "button", tabindex: 0, class: `node${count > 1 ? " shared" : ""}` +
            `${on_walk ? " walk" : ""}${is_chosen ? " chosen" : ""}`,
        "aria-roledescription": LEVELS[table.level], click: act,
        keydown: (event) => {
            const key = (event as KeyboardEvent).key;
            if (key !== "Enter" && key !== " ") return;
            event.preventDefault();
            act();
        },
    }, svg("rect", { x, y, width: NODE_WIDTH, height: NODE_HEIGHT, rx: 5 }),
    line_draw(node, 15, name), line_draw(node, 30, `frame ${hex(frame)}`, "small"),
    line_draw(node, 43, `×${count}, ${pages} used`, "small"));
}

export function tables_draw(state: State, selected: Selection, choose: Choose): void {
    const space = state.spaces.get(selected.space);
    const spaces = [...state.spaces.values()].filter((s) => state.tables.has(s.root));
    spaces.sort((a, b) => a.number - b.number);
    const nodes = nodes_place(state, spaces);
    const walk = space && selected.address !== NEVER ? state.walk(space, selected.address)
        : undefined;
    const height = Math.max(0, ...[...nodes.values()].map((n) => n.y + NODE_HEIGHT)) + 6;
    const width = 3 * COLUMN + NODE_WIDTH + 8;
    by_id("graph").replaceChildren(nodes.size
        ? svg("svg", { viewBox: `0 0 ${width} ${height}`, style: `max-width:${width}px` },
            ...LEVELS.slice(1).map((name, level) => svg("text",
                { x: (ROOT_LEVEL - 1 - level) * COLUMN + 5, y: 13, class: "heading" }, name)),
            ...edges_draw(nodes, walk),
            ...[...nodes.values()].map((node) => node_draw(state, node, selected,
                walk?.table[node.table.level] === node.frame, choose)))
        : h("p", {}, "There is no table yet."));
    if (nodes.size >= NODES_MAX)
        by_id("graph").append(h("p", { class: "note" },
            `Only the first ${NODES_MAX} tables are drawn.`));
}

// ---- Frames ----

/** The number of a frame's kind in KIND_NAMES. */
function tile_kinds(state: State): Uint8Array {
    const kinds = new Uint8Array(state.nframes);
    let run = 0;
    for (let n = 0; n < state.nframes; n++) {
        const is = state.state[n];
        if (is === INSIDE) kinds[n] = run;
        else if (is === USED)
            kinds[n] = run = Math.max(0, KIND_NAMES.indexOf(FRAME_KINDS[state.kind[n]]));
        else kinds[n] = is === RESERVED ? 0 : 1;
    }
    return kinds;
}

export const TILE_COLUMNS = 256;
const TILE = 4; // pixels
let marked = NEVER; // a kind of frames

export function frames_draw(state: State, selected: Selection, choose: Choose): void {
    const canvas = by_id<HTMLCanvasElement>("tiles");
    const kinds = tile_kinds(state), counts = KIND_NAMES.map(() => 0);
    const rows = Math.ceil(state.nframes / TILE_COLUMNS) || 1;
    canvas.width = TILE_COLUMNS * TILE;
    canvas.height = rows * TILE;
    const context = canvas.getContext("2d")!;
    const image = context.createImageData(canvas.width, canvas.height);
    const pixels = new Uint32Array(image.data.buffer);
    const colours = KIND_COLOURS.map((name) => colour_pixel(`frame-${name}`));
    pixels.fill(colours[1]);
    for (let n = 0; n < state.nframes; n++) {
        counts[kinds[n]]++;
        if (kinds[n] === 1 || (marked !== NEVER && kinds[n] !== marked)) continue;
        const at = Math.floor(n / TILE_COLUMNS) * TILE * canvas.width + (n % TILE_COLUMNS) * TILE;
        for (let y = 0; y < TILE - 1; y++)
            pixels.fill(colours[kinds[n]], at + y * canvas.width, at + y * canvas.width + TILE - 1);
    }
    context.putImageData(image, 0, 0);
    if (selected.frame !== NEVER && selected.frame < state.nframes) {
        const x = (selected.frame % TILE_COLUMNS) * TILE;
        const y = Math.floor(selected.frame / TILE_COLUMNS) * TILE;
        context.strokeStyle = colour("mark");
        context.lineWidth = 3;
        context.strokeRect(x - 4.5, y - 4.5, 12, 12);
    }
    by_id("kinds").replaceChildren(...KIND_NAMES.map((name, kind) => h("button", {
        type: "button", class: "kind", "aria-pressed": String(kind === marked), click: () => {
            marked = kind === marked ? NEVER : kind;
            frames_draw(state, selected, choose);
        },
    }, h("span", { class: "swatch", style: `background:var(--frame-${KIND_COLOURS[kind]})` }),
    `${name} ${counts[kind]}`)));
    owners_draw(state, selected, choose);
}

function owners_draw(state: State, selected: Selection, choose: Choose): void {
    const frame = selected.frame, owners = by_id("owners");
    if (frame === NEVER || frame >= state.nframes) {
        owners.replaceChildren(h("p", {}, "Select a frame to see its owners."));
        return;
    }
    if (state.state[frame] !== USED) {
        const what = ["reserved", "free", "", "inside of a run"][state.state[frame]];
        owners.replaceChildren(h("p", {}, `Frame ${hex(frame)} is ${what}.`));
        return;
    }
    const parents = parents_of(state, frame), root = state.space_of_root(frame);
    const born = state.allocated[frame];
    const held = state.count[frame] - parents.length - (root ? 1 : 0);
    owners.replaceChildren(
        h("p", {}, h("b", {}, `Frame ${hex(frame)}: `), frame_words(state, frame),
            ", allocated by ", born === NEVER ? "nobody that the recording knows"
                : link(`event ${born}`, () => choose.event(born)), "."),
        h("ul", {},
            root && h("li", {}, `the root of ${space_words(state, root.number)}`),
            ...parents.slice(0, 32).map((parent) => {
                const table = state.tables.get(parent.frame)!;
                const address = table.base + parent.index * level_span(table.level);
                return h("li", {}, `${LEVELS[table.level]} `,
                    link(hex(parent.frame), () => choose.frame(parent.frame)),
                    `[${parent.index}] [${bits_words(table.low[parent.index],
                        table.high[parent.index])}] for `,
                    link(hex(address), () => choose.address(address, parent.spaces[0])),
                    parent.spaces.length ? " in " : "",
                    parent.spaces.map((s) => space_words(state, s)).join(", "));
            }),
            parents.length > 32 && h("li", {}, `${parents.length - 32} more entries`),
            held > 0 && h("li", {}, state.kind[frame] === 9 ? "all CPUs show the zero page"
                : `the kernel holds ${held}`)));
}

export function address_limit(text: string): number {
    const value = /^(0x)?[0-9a-f]+$/i.test(text.trim()) ? parseInt(text.trim(), 16) : NaN;
    return value >= 0 && value < USER_END ? value - (value % PAGE_SIZE) : NaN;
}

