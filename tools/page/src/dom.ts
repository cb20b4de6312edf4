// Making elements.

type Child = Node | string | null | undefined | false;
type Values = Record<string, string | number | boolean | ((event: Event) => void) | undefined>;

function fill<T extends Element>(element: T, values: Values, children: Child[]): T {
    for (const [name, value] of Object.entries(values)) {
        if (typeof value === "function") element.addEventListener(name, value);
        else if (value === true) element.setAttribute(name, "");
        else if (value !== false && value !== undefined) element.setAttribute(name, String(value));
    }
    for (const child of children) if (child) element.append(child);
    return element;
}

export function h<K extends keyof HTMLElementTagNameMap>(tag: K, values: Values = {},
                                                         ...children: Child[]) {
    return fill(document.createElement(tag), values, children);
}

export function svg(tag: string, values: Values = {}, ...children: Child[]): SVGElement {
    return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), values, children);
}

export function by_id<T extends HTMLElement = HTMLElement>(id: string): T {
    const element = document.getElementById(id);
    if (!element) throw new Error(`the page has no #${id}`);
    return element as T;
}

/** A button that reads like a link. */
export function link(text: string, act: () => void): HTMLButtonElement {
    return h("button", { type: "button", class: "link", click: act }, text);
}

const colours = new Map<string, string>();

/** The value of a colour of page.css, for a canvas: "#1769aa". */
export function colour(name: string): string {
    let value = colours.get(name);
    if (value === undefined) {
        const style = getComputedStyle(document.documentElement);
        colours.set(name, (value = style.getPropertyValue(`--${name}`).trim()));
    }
    return value;
}

/** Forgets the colours, because the theme has changed. */
export function colours_forget(): void {
    colours.clear();
}

/** The colour as a pixel of ImageData, read as 32 bits. */
export function colour_pixel(name: string): number {
    const value = parseInt(colour(name).slice(1), 16);
    return (0xff000000 | (value & 0xff) << 16 | (value & 0xff00) | value >>> 16) >>> 0;
}

/** Gives a canvas as many pixels as the screen has, and returns what draws on it. */
export function canvas_open(canvas: HTMLCanvasElement, width: number, height: number) {
    const scale = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.style.height = `${height}px`;
    const context = canvas.getContext("2d")!;
    context.scale(scale, scale);
    return context;
}
