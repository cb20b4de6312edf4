// The time line: a lane for each group of events, a mark where such events are, and the moment.

import { canvas_open, colour } from "./dom";
import { GROUPS, Recording } from "./recording";

export const GROUP_NAMES = Object.keys(GROUPS);
export const GROUP_MARKS = ["▲", "▦", "■", "▭", "◇", "●", "○", "▤"];

const LANE = 13, LABEL = 78, TOP = 4;
const BOOT_SHARE = 0.06; // of the width, for the events before the first address space

export class TimeLine {
    private picture: HTMLCanvasElement | null = null; // the marks, without the moment
    private width = 0;
    private readonly boot: number; // events before the first address space

    constructor(private readonly canvas: HTMLCanvasElement, private readonly recording: Recording,
                private readonly count: number) {
        let boot = 0;
        while (boot < count && recording.kind(boot) !== "vspace_new") boot++;
        this.boot = boot / count > BOOT_SHARE && boot < count ? boot : 0;
    }

    /** The place of an event, from 0 to 1. */
    private share_of(n: number): number {
        if (!this.boot) return n / this.count;
        if (n < this.boot) return (n / this.boot) * BOOT_SHARE;
        return BOOT_SHARE + ((n - this.boot) / (this.count - this.boot)) * (1 - BOOT_SHARE);
    }

    /** Returns how many of the events are at each pixel of each lane. */
    private counts_of(events: Int32Array | null, width: number): Uint32Array {
        const counts = new Uint32Array(width * GROUP_NAMES.length);
        const add = (n: number) => {
            const x = Math.min(width - 1, Math.floor(this.share_of(n) * width));
            counts[this.recording.group(n) * width + x]++;
        };
        if (events) events.forEach(add);
        else for (let n = 0; n < this.count; n++) add(n);
        return counts;
    }

    /** Forgets the picture of the marks, because the filter, the size or the theme has changed. */
    reset(): void {
        this.picture = null;
    }

    /** Returns the event at a place of the pointer. */
    event_at(x: number): number {
        const share = (x - LABEL) / (this.width - LABEL), boot = this.boot;
        const n = !boot ? share * this.count
            : share < BOOT_SHARE ? (share / BOOT_SHARE) * boot
                : boot + ((share - BOOT_SHARE) / (1 - BOOT_SHARE)) * (this.count - boot);
        return Math.max(0, Math.min(this.count - 1, Math.round(n)));
    }

    draw(now: number, events: Int32Array | null): void {
        const height = TOP + GROUP_NAMES.length * LANE + 8;
        const wide = this.canvas.parentElement!.clientWidth;
        if (wide < LABEL + 10) return;
        if (!this.picture || wide !== this.width) {
            this.width = wide;
            this.picture = document.createElement("canvas");
            this.marks_draw(canvas_open(this.picture, wide, height), events);
        }
        const context = canvas_open(this.canvas, wide, height);
        context.drawImage(this.picture, 0, 0, wide, height);
        const x = LABEL + this.share_of(now + 0.5) * (this.width - LABEL);
        context.fillStyle = colour("mark");
        context.fillRect(x - 1, TOP, 2, height - TOP);
        context.beginPath();
        context.moveTo(x - 6, 0);
        context.lineTo(x + 6, 0);
        context.lineTo(x, 9);
        context.fill();
    }

    private marks_draw(context: CanvasRenderingContext2D, events: Int32Array | null): void {
        const width = Math.max(1, Math.floor(this.width - LABEL));
        const counts = this.counts_of(events, width);
        context.font = "11px system-ui, sans-serif";
        context.textBaseline = "middle";
        GROUP_NAMES.forEach((name, lane) => {
            const y = TOP + lane * LANE;
            context.fillStyle = colour("text");
            context.fillText(`${GROUP_MARKS[lane]} ${name}`, 0, y + LANE / 2 + 1);
            context.fillStyle = colour("lane");
            context.fillRect(LABEL, y, width, LANE - 2);
            if (this.boot) context.clearRect(LABEL + width * BOOT_SHARE - 2, y, 2, LANE);
            context.fillStyle = colour(`group-${name}`);
            for (let x = 0; x < width; x++) {
                const n = counts[lane * width + x];
                if (!n) continue;
                const tall = Math.min(LANE - 2, 4 + Math.log2(n) * 1.6);
                context.fillRect(LABEL + x, y + (LANE - 2) - tall, 1.5, tall);
            }
        });
    }
}
