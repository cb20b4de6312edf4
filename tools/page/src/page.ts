// The page: the moment and the selection, and what the person does with them.

import { states_compare } from "./compare";
import { by_id, colours_forget, h, link } from "./dom";
import { Index, events_find } from "./index";
import { GROUP_MARKS, GROUP_NAMES, TimeLine } from "./line";
import { KINDS, Recording, places_parse } from "./recording";
import { History, NEVER, PAGE_SIZE, State, state_text } from "./state";
import { view_save } from "./svg";
import { Station, Tour, tours_find } from "./tours";
import { Choose, Selection, TILE_COLUMNS, address_limit, cpus_draw, frames_draw,
    page_legend_draw, processes_draw, space_draw, tables_draw, walk_draw } from "./views";
import { OUTCOMES, event_words, fault_end, hex, outcome_name, thread_words,
    why_words } from "./words";

/** Unpacks one of the parts that tools/page/build.mjs has put into the page. */
async function part_load(id: string): Promise<ArrayBuffer> {
    const text = by_id(id).textContent!.trim();
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).arrayBuffer();
}

const LIST_BEFORE = 5, LIST_AFTER = 8;
const DIFFERENCES_MAX = 300;
const PLAY_MS = 450;
const WRITE = 2; // an access of fault_begin

class Page {
    private now = 0;
    private state: State;
    private readonly selected: Selection = { space: 0, address: NEVER, frame: NEVER };
    private since: State | null = null; // the moment to compare with
    private tour: Tour | null = null;
    private stations: Station[] = [];
    private station = 0;
    private chosen = NEVER; // the choice that the reader has made at this station
    private readonly tours: Tour[];
    private follows = true; // the selection goes where the events are
    private matches: Int32Array | null = null; // the events that pass the filter; null: all
    private filter = "";
    private timer = 0;
    private readonly line: TimeLine;
    private readonly cpus: number;
    private readonly choose: Choose = {
        space: (number) => {
            this.follows = false;
            this.selected.space = number;
            this.draw();
        },
        address: (address, space) => {
            this.follows = false;
            this.selected.address = address;
            if (space) this.selected.space = space;
            this.draw();
        },
        frame: (frame) => {
            this.follows = false;
            this.selected.frame = frame;
            this.draw();
        },
        event: (n) => this.go(n),
    };

    constructor(private readonly history: History, private readonly index: Index) {
        const r = history.recording;
        this.state = history.at(0);
        this.line = new TimeLine(by_id("line-canvas") as unknown as HTMLCanvasElement, r,
            history.count);
        let cpus = 0;
        for (let n = 0; n < history.count; n++) cpus = Math.max(cpus, r.cpu(n));
        this.cpus = cpus + 1;
        this.tours = tours_find(history);
        by_id("tours").append(this.tours.length ? "Tours: " : "", ...this.tours.map((tour) =>
            h("button", {
                type: "button", id: `tour-${tour.id}`, "aria-pressed": "false",
                click: () => this.tour_go(tour, 0),
            }, tour.title)));
        this.controls_connect();
        this.keys_connect();
        page_legend_draw();
        for (const view of document.querySelectorAll("main > section:not(#moment)"))
            view.append(h("button", {
                type: "button", class: "save", click: () =>
                    view_save(view, `${view.id}-${this.now}.svg`),
                "aria-label": `Save as SVG: ${view.querySelector("h2")!.textContent}`,
            }, "SVG"));
        by_id("filters").append(...[...GROUP_NAMES, ...KINDS.slice(1),
            ...Object.keys(OUTCOMES).map((name) => `outcome=${name}`)]
            .map((value) => h("option", { value })));
        by_id("total").textContent = `of ${history.count}`;
        by_id("line").setAttribute("aria-valuemax", String(history.count - 1));
        this.fragment_read();
    }

    // ---- Guided tours ----

    /** Shows a station of a tour; null leaves it. */
    private tour_go(tour: Tour | null, station: number): void {
        if (tour !== this.tour) this.stations = tour?.stations() ?? [];
        this.tour = tour;
        this.station = Math.max(0, Math.min(this.stations.length - 1, station));
        this.chosen = NEVER;
        for (const { id } of this.tours)
            by_id(`tour-${id}`).setAttribute("aria-pressed", String(id === tour?.id));
        if (tour) this.station_show(this.stations[this.station].event);
        else this.draw();
        by_id(tour ? "tour-title" : "help-open").focus();
    }

    private station_show(n: number): void {
        const { space, address } = this.stations[this.station];
        Object.assign(this.selected, { space, address, frame: NEVER });
        this.follows = false;
        by_id<HTMLInputElement>("filter").value = "";
        this.filter_apply();
        this.go(n);
    }

    private answer(choice: number): void {
        this.chosen = choice;
        this.station_show(this.stations[this.station].after);
        (document.getElementById("tour-next") ?? by_id("tour-end")).focus();
    }

    private tour_draw(): void {
        const { tour } = this, count = this.stations.length;
        by_id("tour").hidden = tour === null;
        document.querySelector("main")!.classList.toggle("tours", tour !== null);
        if (!tour) return;
        const { told, question, choices, right, answer } = this.stations[this.station];
        const is_answered = this.chosen !== NEVER || !question;
        by_id("tour-title").textContent =
            `Tour: ${tour.title} (${this.station + 1} of ${count})`;
        const buttons = choices.map((words, n) => {
            const mark = this.chosen === NEVER ? "" : n === right ? "✓ " :
                n === this.chosen ? "✗ " : "";
            return h("button", {
                type: "button", id: `choice-${n}`, "aria-pressed": String(n === this.chosen),
                class: mark && (n === right ? "right" : "wrong"), click: () => this.answer(n),
            }, mark + words);
        });
        const said = this.chosen === NEVER ? ""
            : this.chosen === right ? "That is right. " : "That is not right. ";
        const move = (id: string, words: string, by: number) => h("button", {
            type: "button", id, click: () => this.tour_go(tour, this.station + by),
        }, words);
        by_id("station").replaceChildren(
            h("p", {}, told), h("p", { class: "question" }, question),
            h("div", { id: "choices", role: "group", "aria-label": "Answers" }, ...buttons),
            h("div", { id: "answer", role: "status" }, said && h("b", {}, said),
                this.chosen !== NEVER && answer),
            h("div", { id: "moves" },
                this.station > 0 && move("tour-back", "◀ Station before", -1),
                is_answered && this.station < count - 1 && move("tour-next", "Next station ▶", 1),
                h("button", {
                    type: "button", id: "tour-end", click: () => this.tour_go(null, 0),
                }, "Leave the tour")));
    }

    // ---- Where we are ----

    private get recording(): Recording {
        return this.history.recording;
    }

    go(n: number): void {
        this.now = Math.max(0, Math.min(this.history.count - 1, n));
        this.draw();
    }

    /** The text of the state that is shown, for tests. */
    state_text(): string {
        return state_text(this.state);
    }

    /** The match that is `by` places further than the moment. */
    private match_from(by: number): number {
        const all = this.matches;
        if (!all) return this.now + by;
        let low = 0, high = all.length; // the first match behind the moment
        while (low < high) {
            const middle = (low + high) >> 1;
            if (all[middle] <= this.now) low = middle + 1;
            else high = middle;
        }
        const is_on = low > 0 && all[low - 1] === this.now;
        const at = by > 0 ? low + by - 1 : low - (is_on ? 1 : 0) + by;
        return all[Math.max(0, Math.min(all.length - 1, at))] ?? this.now;
    }

    /** Selects what the event is about. */
    private follow(): void {
        const n = this.now, r = this.recording, kind = r.kind(n);
        const own = this.state.processes.get(this.index.pids[n])?.space ?? 0;
        if (kind.startsWith("fault_")) this.selected.space = r.word(n, 0);
        else if (kind.startsWith("region_"))
            this.selected.space = this.state.space_of_tree(r.big(n, 0))?.number ?? own;
        else if (kind === "tlb_flush" || kind === "vspace_new")
            this.selected.space = kind === "vspace_new" ? r.word(n, 0)
                : this.state.space_of_root(r.word(n, 1))?.number ?? own;
        else if (own && this.state.spaces.has(own)) this.selected.space = own;
        const open = this.state.threads.get(r.thread(n));
        if (open && open.fault !== NEVER) this.address_follow(open.address, open.address + 1);
        else if (kind !== "table_copy")
            this.address_follow(this.index.starts[n], this.index.ends[n]);
        this.page_follow(kind === "fork" ? r.word(n, 2) : 0);
        if (kind.startsWith("frame_") && kind !== "frame_alloc" && kind !== "frame_free")
            this.selected.frame = r.word(n, 1);
        else if (kind.startsWith("frame_") || kind.startsWith("table_"))
            this.selected.frame = r.word(n, 0);
        else if (kind === "entry_set" && r.low(n, 3)) {
            const walk_entry = r.low(n, 3);
            this.selected.frame = (r.high(n, 3) & 0xfffff) * 0x100000 + (walk_entry >>> 12);
        }
    }

    /** Selects the first page of a range, unless one of its pages is selected already. */
    private address_follow(start: number, end: number): void {
        const is_inside = this.selected.address >= start && this.selected.address < end;
        if (start > 0 && !is_inside) this.selected.address = start - (start % PAGE_SIZE);
    }

    /** Selects a page, if none of the space is selected: that of the next fault in the space, or
     *  the last one. After a fork it is that of the next write to what both processes share. */
    private page_follow(child: number): void {
        const { space: number, address } = this.selected, r = this.recording;
        const space = this.state.spaces.get(number);
        if (!space || (!child && address !== NEVER && space.region_at(address))) return;
        const is_its = (n: number) => r.kind(n) === "fault_begin" &&
            (r.word(n, 0) === number || (child > 0 && r.word(n, 0) === child)) &&
            (!child || (r.word(n, 2) & WRITE) !== 0) && space.region_at(r.word(n, 1)) !== undefined;
        let n = this.now;
        while (n < this.history.count && !is_its(n)) n++;
        if (n === this.history.count) n = this.now;
        while (n >= 0 && !is_its(n)) n--;
        if (n >= 0) this.selected.address = r.word(n, 1) - (r.word(n, 1) % PAGE_SIZE);
    }

    /** The event to begin with: the last fork, or the end. */
    private first_shown(): number {
        for (let n = this.history.count - 1; n > 0; n--)
            if (this.recording.kind(n) === "fork") return n;
        return this.history.count - 1;
    }

    /** The next or the last event, before the moment, that concerns the selection. */
    private change_from(by: 1 | -1): number {
        const { address, frame } = this.selected;
        for (let n = this.now + by; n >= 0 && n < this.history.count; n += by)
            if ((address !== NEVER && this.is_change(n, address)) ||
                (frame !== NEVER && address === NEVER && this.index.is_about_frame(n, frame)))
                return n;
        return this.now;
    }
    /** Whether the event changes what the selected page is, or what its walk allows. */
    private is_change(n: number, address: number): boolean {
        const kind = this.recording.kind(n), pid = this.state.pids.get(this.selected.space) ?? 0;
        if (kind === "tlb_flush" || kind === "fault_begin" || !this.index.is_about_page(n, address))
            return false;
        return kind === "table_copy" || kind === "entry_set" || this.index.pids[n] === pid;
    }

    // ---- The fragment of the page's address ----

    private fragment_write(): void {
        const { space, address, frame } = this.selected;
        const words = [`event=${this.now}`, space ? `space=${space}` : "",
            address !== NEVER ? `page=${hex(address)}` : "",
            frame !== NEVER ? `frame=${hex(frame)}` : "",
            this.tour ? `tour=${this.tour.id}&station=${this.station + 1}` : "",
            this.since ? `since=${this.since.next - 1}` : "", this.follows ? "" : "follow=0",
            this.filter ? `filter=${encodeURIComponent(this.filter)}` : ""];
        const text = `#${words.filter((word) => word).join("&")}`;
        if (text !== location.hash) history.replaceState(null, "", text);
    }

    private fragment_read(): void {
        const values = new URLSearchParams(location.hash.slice(1));
        const number = (name: string, instead: number) => {
            const value = Number(values.get(name) ?? NaN);
            return Number.isInteger(value) && value >= 0 ? value : instead;
        };
        const tour = this.tours.find(({ id }) => id === values.get("tour")) ?? null;
        if (tour || this.tour) this.tour_go(tour, number("station", 1) - 1);
        if (tour && !values.has("event")) return;
        this.follows = values.get("follow") !== "0";
        this.selected.space = number("space", 0);
        this.selected.address = number("page", NEVER);
        this.selected.frame = number("frame", NEVER);
        by_id<HTMLInputElement>("filter").value = values.get("filter") ?? "";
        const since = Math.min(number("since", NEVER), this.history.count - 1);
        this.since = since === NEVER ? null : this.history.copy_at(since);
        this.filter_apply();
        this.go(number("event", this.first_shown()));
    }

    // ---- Drawing ----

    private draw(): void {
        this.state = this.history.at(this.now);
        if (this.follows) this.follow();
        if (!this.state.spaces.has(this.selected.space))
            this.selected.space = [...this.state.spaces.keys()][0] ?? 0;
        const focus = document.activeElement?.id;
        this.line.draw(this.now, this.matches);
        const slider = by_id("line"), r = this.recording;
        slider.setAttribute("aria-valuenow", String(this.now));
        slider.setAttribute("aria-valuetext", `event ${this.now}, ${r.kind(this.now)}`);
        const input = by_id<HTMLInputElement>("number");
        if (document.activeElement !== input) input.value = String(this.now);
        this.sentence_draw();
        this.list_draw();
        this.tour_draw();
        this.differences_draw();
        processes_draw(this.state, this.selected, this.choose);
        cpus_draw(this.state, this.cpus);
        space_draw(this.state, this.selected, this.choose);
        walk_draw(this.state, this.selected, this.choose);
        tables_draw(this.state, this.selected, this.choose);
        frames_draw(this.state, this.selected, this.choose);
        const { address, frame } = this.selected;
        const set = (id: string, value: string) => {
            const field = by_id<HTMLInputElement>(id);
            if (document.activeElement !== field) field.value = value;
        };
        set("address", address === NEVER ? "" : hex(address));
        set("frame", frame === NEVER ? "" : hex(frame));
        by_id<HTMLInputElement>("follow").checked = this.follows;
        if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
        this.fragment_write();
    }

    /** The links to the fault that the event begins, ends, or is a part of. */
    private fault_links(): (Node | string)[] {
        const n = this.now, r = this.recording, kind = r.kind(n);
        if (kind === "fault_begin") {
            const end = fault_end(r, n);
            return end === NEVER ? [" It does not end in this recording."]
                : [" It ends as ", h("b", {}, outcome_name(r.word(end, 2))), " at ",
                    link(`event ${end}`, () => this.go(end)),
                    `, after ${r.time(end) - r.time(n)} ticks.`];
        }
        const open = this.state.threads.get(r.thread(n));
        if (!open || open.fault === NEVER) return [];
        return [" Part of the fault that begins at ",
            link(`event ${open.fault}`, () => this.go(open.fault)), "."];
    }

    private sentence_draw(): void {
        const n = this.now, r = this.recording, group = r.group(n);
        const before = n ? `, ${r.time(n) - r.time(n - 1)} ticks after the event before` : "";
        by_id("sentence").replaceChildren(
            h("p", { class: "what" },
                h("span", { class: `kind-name group-${GROUP_NAMES[group]}` },
                    `${GROUP_MARKS[group] ?? ""} ${r.kind(n)}`), " ", event_words(this.state, n)),
            h("p", { class: "why" }, why_words(this.history, this.state, n),
                ...this.fault_links()),
            h("p", { class: "note" }, `Event ${n}: ${thread_words(this.state, r.thread(n))} on ` +
                `CPU ${r.cpu(n)}${before}, in `, h("code", {}, r.place(n))));
    }

    /** The events around the moment. Their words are those of this moment's names. */
    private list_draw(): void {
        const rows: HTMLElement[] = [], r = this.recording;
        const numbers: number[] = [];
        const all = this.matches;
        if (!all) {
            const first = Math.max(0, this.now - LIST_BEFORE);
            for (let n = first; n < Math.min(this.history.count, first + LIST_BEFORE + 1 +
                LIST_AFTER); n++) numbers.push(n);
        } else {
            let at = all.findIndex((n) => n >= this.now);
            if (at < 0) at = all.length;
            for (const n of all.subarray(Math.max(0, at - LIST_BEFORE), at + LIST_AFTER + 1))
                numbers.push(n);
        }
        for (const n of numbers) {
            const group = r.group(n);
            rows.push(h("li", n === this.now ? { "aria-current": "step" } : {},
                h("button", { type: "button", click: () => this.go(n) },
                    h("span", { class: "n" }, String(n)),
                    h("span", { class: `kind-name group-${GROUP_NAMES[group]}` },
                        `${GROUP_MARKS[group]} ${r.kind(n)}`),
                    h("span", {}, event_words(this.state, n)))));
        }
        by_id("list").replaceChildren(...rows);
    }

    /** The differences between the moment and the one that is compared with it. */
    private differences_draw(): void {
        const { since } = this;
        by_id("compare").setAttribute("aria-pressed", String(since !== null));
        by_id("compare").textContent = since ? "Compare no more" : "Compare from here";
        by_id("differences").hidden = since === null;
        if (!since) return;
        const then = since.next - 1, is_later = this.now >= then;
        const found = is_later ? states_compare(since, this.state)
            : states_compare(this.state, since);
        const [first, last] = is_later ? [then, this.now] : [this.now, then];
        by_id("differences-title").textContent =
            `What differs between event ${first} and event ${last}`;
        const told = found.filter((difference, n) => difference.address !== undefined ||
            !/^space.*\)$|process$/.test(difference.words) || found[n + 1].address !== undefined);
        const items = told.slice(0, DIFFERENCES_MAX).map((difference) =>
            h("li", difference.address === undefined ? {} : { class: "within" },
                difference.address === undefined ? h("b", {}, difference.words)
                    : difference.space ? link(difference.words.trim().replace("->", "→"), () =>
                        this.choose.address(difference.address!, difference.space))
                        : difference.words.trim()));
        by_id("difference-list").replaceChildren(
            h("p", {}, "Compared with ", link(`event ${then}`, () => this.go(then)), ": ",
                event_words(since, then)),
            h("ul", {}, ...items),
            told.length > items.length
                ? h("p", { class: "note" }, `${told.length - items.length} more lines`) : "");
    }

    // ---- What the person does ----

    private filter_apply(): void {
        const text = by_id<HTMLInputElement>("filter").value.trim();
        const found = text ? events_find(this.index, this.history.count, text) : null;
        const input = by_id("filter");
        if (typeof found === "string") {
            input.setAttribute("aria-invalid", "true");
            by_id("found").textContent = found;
            return;
        }
        input.removeAttribute("aria-invalid");
        by_id("found").textContent = found ? `${found.length} of ${this.history.count} events` : "";
        this.matches = found && found.length ? found : null;
        this.filter = text;
        this.line.reset();
    }

    private play(): void {
        const button = by_id("play");
        if (this.timer) {
            clearInterval(this.timer);
            this.timer = 0;
            button.textContent = "▶ Play";
            return;
        }
        button.textContent = "■ Stop";
        this.timer = window.setInterval(() => {
            const next = this.match_from(1);
            if (next <= this.now || next >= this.history.count) this.play();
            else this.go(next);
        }, PLAY_MS);
    }

    private readonly acts: Record<string, () => void> = {
        first: () => this.go(this.matches?.[0] ?? 0),
        back: () => this.go(this.match_from(-1)),
        play: () => this.play(),
        step: () => this.go(this.match_from(1)),
        last: () => this.go(this.matches?.[this.matches.length - 1] ?? this.history.count - 1),
        compare: () => {
            this.since = this.since ? null : this.history.copy_at(this.now);
            this.draw();
        },
        "change-back": () => this.go(this.change_from(-1)),
        "change-next": () => this.go(this.change_from(1)),
    };

    private submit(id: string, act: (text: string) => void): void {
        by_id(`${id}-form`).addEventListener("submit", (event) => {
            event.preventDefault();
            act(by_id<HTMLInputElement>(id).value);
        });
    }

    private controls_connect(): void {
        for (const [id, act] of Object.entries(this.acts)) by_id(id).addEventListener("click", act);
        by_id("address-form").append(h("label", {}, h("input", {
            type: "checkbox", id: "follow", change: (event) => {
                this.follows = (event.target as HTMLInputElement).checked;
                this.draw();
            },
        }), " follow the events"));
        by_id("number").addEventListener("change", (event) => {
            const n = Number((event.target as HTMLInputElement).value);
            if (Number.isInteger(n)) this.go(n);
        });
        by_id("filter").addEventListener("change", () => {
            this.filter_apply();
            this.draw();
        });
        this.submit("filter", () => {
            this.filter_apply();
            this.draw();
        });
        this.submit("address", (text) => {
            const address = address_limit(text);
            if (!Number.isNaN(address)) this.choose.address(address);
        });
        this.submit("frame", (text) => {
            const frame = /^0x/i.test(text) ? parseInt(text, 16) : parseInt(text, 10);
            if (frame >= 0 && frame < this.state.nframes) this.choose.frame(frame);
        });
        const slider = by_id("line");
        const drag = (event: PointerEvent) => {
            if (event.buttons & 1)
                this.go(this.line.event_at(event.clientX - slider.getBoundingClientRect().left));
        };
        slider.addEventListener("pointerdown", drag);
        slider.addEventListener("pointermove", drag);
        by_id("tiles").addEventListener("click", (event) => {
            const box = by_id("tiles").getBoundingClientRect();
            const rows = Math.ceil(this.state.nframes / TILE_COLUMNS);
            const x = Math.floor(((event.clientX - box.left) / box.width) * TILE_COLUMNS);
            const y = Math.floor(((event.clientY - box.top) / box.height) * rows);
            this.choose.frame(y * TILE_COLUMNS + x);
        });
        by_id("help-open").addEventListener("click", () =>
            by_id<HTMLDialogElement>("help").showModal());
        const redraw = () => {
            colours_forget();
            this.line.reset();
            this.draw();
        };
        window.addEventListener("resize", redraw);
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
        window.addEventListener("hashchange", () => this.fragment_read());
    }

    private keys_connect(): void {
        const keys: [string[], string, () => void][] = [
            [["j", "ArrowRight"], "the next event", this.acts.step],
            [["k", "ArrowLeft"], "the event before", this.acts.back],
            [["J"], "the next change of the selected page, or frame", this.acts["change-next"]],
            [["K"], "the last change of it before", this.acts["change-back"]],
            [["PageDown"], "100 events on", () => this.go(this.match_from(100))],
            [["PageUp"], "100 events back", () => this.go(this.match_from(-100))],
            [["Home"], "the first event", this.acts.first],
            [["End"], "the last event", this.acts.last],
            [["p"], "play, or stop", this.acts.play],
            [["c"], "compare from here, or no more", this.acts.compare],
            [["/"], "the filter", () => by_id("filter").focus()],
            [["?"], "this help", () => by_id<HTMLDialogElement>("help").showModal()],
        ];
        by_id("keys").append(...keys.flatMap(([names, what]) => [
            h("dt", {}, ...names.map((name) => h("kbd", {}, name))), h("dd", {}, what)]),
        h("dt", {}, h("kbd", {}, "ArrowLeft"), h("kbd", {}, "ArrowRight")),
        h("dd", {}, "on a region: the page before, and the next one"));
        document.addEventListener("keydown", (event) => {
            const target = event.target as HTMLElement;
            if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey ||
                target instanceof HTMLInputElement || by_id<HTMLDialogElement>("help").open) return;
            const key = keys.find(([names]) => names.includes(event.key));
            const on_line = target.id === "line";
            if (!key || (!on_line && /^(Page|Home|End)/.test(event.key))) return;
            event.preventDefault();
            key[2]();
        });
    }
}

async function start(): Promise<void> {
    const [bytes, places] = await Promise.all([part_load("recording"), part_load("places")]);
    const recording = new Recording(bytes, places_parse(new TextDecoder().decode(places)));
    const index = new Index(recording);
    const history = new History(recording, (state, n) => index.note(state, n));
    const page = new Page(history, index);
    if (history.problem)
        by_id("sentence").prepend(h("p", { class: "problem", role: "alert" },
            `The recording is read up to ${history.problem}.`));
    Object.assign(window, { pagoda: page, pagoda_ready: performance.now() });
}

start().catch((error) => {
    by_id("sentence").replaceChildren(
        h("p", { class: "problem", role: "alert" }, `The page cannot start: ${error.message}`));
});

