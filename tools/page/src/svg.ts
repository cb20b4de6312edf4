// A view as a drawing, for a slide. Whatever the browser shows of an element is drawn again: its
// boxes, its words line by line, its drawings, and its canvases as pictures. No font and no style
// sheet is needed, so other programs can read the file.

import { svg } from "./dom";

const SKIPPED = "form, dialog, .hidden, .save";
const LINES = ["fill", "stroke", "stroke-width", "stroke-dasharray", "font", "font-size",
    "font-family", "font-weight"];

type Add = (element: SVGElement) => void;

function is_seen(colour: string): boolean {
    return colour !== "transparent" && !/^rgba\(.*, 0\)$/.test(colour);
}

/** Draws the background and the border of an element; of a border, the widest side counts. */
function box_draw(element: Element, style: CSSStyleDeclaration, left: number, top: number,
                  add: Add): void {
    const box = element.getBoundingClientRect();
    const x = box.left - left, y = box.top - top, back = style.backgroundColor;
    const sides = ["Top", "Right", "Bottom", "Left"].map((side) => ({
        width: parseFloat(style.getPropertyValue(`border-${side.toLowerCase()}-width`)),
        colour: style.getPropertyValue(`border-${side.toLowerCase()}-color`),
        kind: style.getPropertyValue(`border-${side.toLowerCase()}-style`),
    }));
    const has = sides.map((side) => side.width > 0 && side.kind !== "none" && is_seen(side.colour));
    const all = has.every((side) => side);
    if (is_seen(back) || all)
        add(svg("rect", {
            x, y, width: box.width, height: box.height, rx: parseFloat(style.borderRadius) || 0,
            fill: is_seen(back) ? back : "none", stroke: all ? sides[0].colour : "none",
            "stroke-width": all ? sides[0].width : 0,
            "stroke-dasharray": all && /^d/.test(sides[0].kind) ? "3 2" : "none",
        }));
    if (parseFloat(style.outlineWidth) > 0 && style.outlineStyle !== "none")
        add(svg("rect", {
            x: x - 1, y: y - 1, width: box.width + 2, height: box.height + 2, fill: "none",
            stroke: style.outlineColor, "stroke-width": style.outlineWidth,
        }));
    if (all) return;
    const [right, bottom] = [x + box.width, y + box.height];
    const ends = [[x, y, right, y], [right, y, right, bottom], [x, bottom, right, bottom],
        [x, y, x, bottom]];
    ends.forEach(([x1, y1, x2, y2], n) => has[n] && add(svg("line", {
        x1, y1, x2, y2, stroke: sides[n].colour, "stroke-width": sides[n].width,
    })));
}

/** Draws the words of a text, one element for each line that the browser has made of it. */
function text_draw(text: Text, left: number, top: number, add: Add): void {
    const style = getComputedStyle(text.parentElement!), range = document.createRange();
    const lines: { x: number; y: number; words: string }[] = [];
    for (const found of text.data.matchAll(/[^\s-]*-?\s*/g)) {
        range.setStart(text, found.index);
        range.setEnd(text, found.index + found[0].trimEnd().length);
        const box = range.getBoundingClientRect();
        if (!box.width) continue;
        const y = box.top + box.height * 0.78 - top, line = lines[lines.length - 1];
        const words = found[0].replace(/\s+/g, " ");
        if (line && Math.abs(line.y - y) < 2) line.words += words;
        else lines.push({ x: box.left - left, y, words });
    }
    for (const { x, y, words } of lines)
        add(svg("text", {
            x, y, fill: style.color, "font-size": style.fontSize, "font-family": style.fontFamily,
            "font-weight": style.fontWeight,
        }, words.trimEnd()));
}

/** Copies a drawing, with the style of each of its elements. */
function drawing_copy(drawing: SVGElement, left: number, top: number, add: Add): void {
    const copy = drawing.cloneNode(true) as SVGElement, box = drawing.getBoundingClientRect();
    const sources = drawing.querySelectorAll("*"), copies = copy.querySelectorAll("*");
    copies.forEach((element, n) => {
        const style = getComputedStyle(sources[n]);
        for (const name of LINES) element.setAttribute(name, style.getPropertyValue(name));
        for (const name of ["class", "role", "tabindex", "aria-roledescription"])
            element.removeAttribute(name);
    });
    for (const [name, value] of Object.entries({
        x: box.left - left, y: box.top - top, width: box.width, height: box.height,
    })) copy.setAttribute(name, String(value));
    copy.removeAttribute("style");
    add(copy);
}

function element_draw(element: Element, left: number, top: number, add: Add): void {
    if (element.matches(SKIPPED)) return;
    const style = getComputedStyle(element);
    if (style.display === "none" || style.visibility === "hidden") return;
    if (element instanceof SVGElement) return drawing_copy(element, left, top, add);
    box_draw(element, style, left, top, add);
    if (element instanceof HTMLCanvasElement) {
        const box = element.getBoundingClientRect();
        return add(svg("image", {
            x: box.left - left, y: box.top - top, width: box.width, height: box.height,
            href: element.toDataURL(), style: "image-rendering: pixelated",
        }));
    }
    for (const child of element.childNodes) {
        if (child instanceof Element) element_draw(child, left, top, add);
        else if (child instanceof Text) text_draw(child, left, top, add);
    }
}

/** Returns a view as the text of an SVG file. */
export function view_svg(view: Element): string {
    const box = view.getBoundingClientRect();
    const drawing = svg("svg", {
        xmlns: "http://www.w3.org/2000/svg", width: box.width, height: box.height,
        viewBox: `0 0 ${box.width} ${box.height}`,
    });
    element_draw(view, box.left, box.top, (element) => drawing.append(element));
    return new XMLSerializer().serializeToString(drawing);
}

/** Lets the browser save a view as a file. */
export function view_save(view: Element, name: string): void {
    const url = URL.createObjectURL(new Blob([view_svg(view)], { type: "image/svg+xml" }));
    const anchor = document.createElement("a");
    anchor.href = url;
    anchor.download = name;
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
}
