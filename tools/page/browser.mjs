// The page in Chromium: it loads, steps, searches and plays, by the keyboard alone, at the width of
// a phone, in both themes, and axe-core finds no violation of WCAG AA.

import assert from "node:assert";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { page_build } from "./build.mjs";
import { BUILD, load } from "./tools.mjs";

const DESK = { width: 1280, height: 900 }, PHONE = { width: 360, height: 740 };
const STATES = 20;

/** Opens the page, and waits until it is drawn. Any error of the page fails the test. */
async function open(browser, url, viewport, colorScheme, errors) {
    const page = await browser.newPage({ viewport, colorScheme });
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("request", (request) => {
        if (!request.url().startsWith("file:")) errors.push(`it asks for ${request.url()}`);
    });
    await page.goto(url);
    await page.waitForFunction("window.pagoda_ready");
    return page;
}

const event_of = async (page) => Number(await page.inputValue("#number"));

async function steps_test(page) {
    const first = await event_of(page);
    await page.click("#step");
    assert.equal(await event_of(page), first + 1);
    await page.click("#back");
    assert.equal(await event_of(page), first);
    await page.click("#last");
    assert.equal(await event_of(page) + 1,
        Number((await page.textContent("#total")).replace("of ", "")));
    assert.match(await page.textContent("#sentence"), /status 0/);
}

/** Reaches all by keys: Tab comes to each control, and the letters move in time. */
async function keys_test(page, url) {
    await page.goto("about:blank");
    await page.goto(`${url}#event=0`);
    await page.waitForFunction("window.pagoda_ready");
    for (const [key, wanted] of [["j", 1], ["ArrowRight", 2], ["k", 1]]) {
        await page.keyboard.press(key);
        assert.equal(await event_of(page), wanted, `after ${key}`);
    }
    await page.focus("#line");
    await page.keyboard.press("PageDown");
    assert.equal(await event_of(page), 101);
    await page.keyboard.press("/");
    await page.keyboard.type("fork");
    await page.keyboard.press("Enter");
    await page.waitForFunction("document.getElementById('found').textContent");
    await page.keyboard.press("Tab");
    await page.keyboard.press("j");
    assert.match(await page.textContent("#sentence"), /has the child/);
    const reached = new Set();
    for (let n = 0; n < 400; n++) {
        await page.keyboard.press("Tab");
        reached.add(await page.evaluate("document.activeElement.id"));
    }
    for (const id of ["step", "line", "filter", "address", "follow", "graph", "frame"])
        assert(reached.has(id), `Tab does not reach #${id}`);
    await page.keyboard.press("?");
    assert(await page.isVisible("#help"));
    await page.keyboard.press("Escape");
    assert(!await page.isVisible("#help"));
}

async function filter_test(page) {
    await page.fill("#filter", "outcome=copied");
    await page.keyboard.press("Enter");
    assert.match(await page.textContent("#found"), /^[1-9]\d* of/);
    await page.click("#first");
    assert.match(await page.textContent("#sentence"), /copy of its own/);
    await page.click("#play");
    const before = await event_of(page);
    await page.waitForFunction(`document.getElementById("number").value > ${before}`);
    await page.click("#play");
    await page.fill("#filter", "nonsense");
    await page.keyboard.press("Enter");
    assert.match(await page.textContent("#found"), /no kind of events 'nonsense'/);
    await page.fill("#filter", "");
    await page.keyboard.press("Enter");
}

/** The first fault after the last fork writes to a shared stack: the page says why. */
async function sentence_test(page, url) {
    await page.goto("about:blank");
    await page.goto(url);
    await page.waitForFunction("window.pagoda_ready");
    const fork = await event_of(page);
    await page.fill("#filter", "fault_begin");
    await page.keyboard.press("Enter");
    await page.click("#step");
    assert(await event_of(page) > fork);
    const words = await page.textContent("#sentence");
    assert.match(words, /W is clear in the root since event \d+/);
    assert.match(words, /level 3 table has 2 references, so it is copied/);
    assert.match(await page.textContent("#levels"), /0: a write faults/);
    assert(await page.locator("#graph .node.shared").count() > 0);
    await page.fill("#filter", "fault_end");
    await page.keyboard.press("Enter");
    await page.click("#step");
    assert.match(await page.textContent("#levels"), /1: writable/);
}

/** All text of a drawing stays inside of its box. */
async function boxes_test(page) {
    const wide = await page.evaluate(() => [...document.querySelectorAll("#graph .node")]
        .filter((node) => {
            const box = node.querySelector("rect").getBBox();
            return [...node.querySelectorAll("text")].some((text) => {
                const words = text.getBBox();
                return words.x + words.width > box.x + box.width - 2 ||
                    words.y + words.height > box.y + box.height;
            });
        }).map((node) => node.textContent));
    assert.deepEqual(wide, []);
}

/** The page of the event is selected by itself, so a walk is shown from the first moment on. */
async function selected_test(page, url) {
    await page.goto("about:blank");
    await page.goto(url);
    await page.waitForFunction("window.pagoda_ready");
    assert.match(await page.textContent("#sentence"), /fork/);
    assert.match(await page.textContent("#walk-title"), /The walk of 0x/);
    assert.equal(await page.locator("#levels .level").count(), 4);
    assert.match(await page.textContent("#cpus"), /TLB may hold entries of space \d+ of sh/);
    await boxes_test(page);
}

/** Two moments are compared, in either order, and a line of the difference selects its page. */
async function compare_test(page, url) {
    await page.goto("about:blank");
    await page.goto(url);
    await page.waitForFunction("window.pagoda_ready");
    const fork = await event_of(page);
    await page.keyboard.press("c");
    assert.match(await page.textContent("#difference-list"), /frames in use:$/);
    await page.fill("#filter", "outcome=copied");
    await page.keyboard.press("Enter");
    await page.click("#step");
    const words = await page.textContent("#difference-list");
    const list = await page.textContent("#difference-list ul");
    assert.match(words, /read-only → anon, writable \(another frame\)/);
    assert.match(words, /frames in use: .*\+\d+ table/);
    await page.click("#difference-list li.within button");
    assert.match(await page.textContent("#levels"), /1: writable/);
    const found = await page.url().match(/event=(\d+).*since=(\d+)/);
    assert.equal(Number(found[2]), fork);
    await page.goto("about:blank");
    await page.goto(`${url}#event=${fork}&since=${found[1]}`);
    await page.waitForFunction("window.pagoda_ready");
    assert.equal(await page.textContent("#difference-list ul"), list);
    await page.click("#compare");
    assert(!await page.isVisible("#differences"));
}

/** Each view can be saved as an SVG file that an XML parser reads, with all its words. */
async function save_test(page) {
    for (const id of ["events", "processes", "space", "walk", "tables", "frames"]) {
        const saved = page.waitForEvent("download");
        await page.click(`#${id} .save`);
        const text = readFileSync(await (await saved).path(), "utf8");
        writeFileSync(join(BUILD, `${id}.svg`), text);
        const [problem, words] = await page.evaluate((svg) => {
            const parsed = new DOMParser().parseFromString(svg, "image/svg+xml");
            return [parsed.querySelector("parsererror")?.textContent ?? "",
                parsed.documentElement.textContent];
        }, text);
        assert.equal(problem, "");
        const plain = (some) => some.replace(/\s+/g, "");
        assert(plain(words).startsWith(plain(await page.textContent(`#${id} h2`))), id);
        assert(!/class=|var\(/.test(text), `${id} needs the style sheet of the page`);
    }
}

/** Each tour is gone to its end by the keyboard alone. Its right answers are marked, wrong ones are
 *  told from them, and the walk is that of the station. */
async function tours_test(page, url) {
    for (const [id, least] of [["heap", 4], ["fork", 6]]) {
        await page.goto("about:blank");
        await page.goto(url);
        await page.waitForFunction("window.pagoda_ready");
        await page.focus(`#tour-${id}`);
        await page.keyboard.press("Enter");
        let stations = 1;
        for (;; stations++) {
            assert.match(await page.textContent("#tour-title"), new RegExp(`\\(${stations} of`));
            assert.match(await page.textContent("#walk-title"), /The walk of 0x/);
            const choices = await page.locator("#choices button").count();
            if (choices) {
                await page.focus(`#choice-${stations % choices}`);
                await page.keyboard.press("Enter");
                assert.equal(await page.locator("#choices .right").count(), 1);
                const is_right = await page.locator("#choices .wrong").count() === 0;
                assert.match(await page.textContent("#answer"),
                    is_right ? /^That is right/ : /^That is not right/);
            }
            if (stations === 2) await axe_test(page, `the tour ${id}`);
            if (await page.locator("#tour-next").count() === 0) break;
            await page.focus("#tour-next");
            await page.keyboard.press("Enter");
        }
        assert(stations >= least, `the tour ${id} has ${stations} stations`);
    }
    await page.goto("about:blank");
    await page.goto(`${url}#tour=fork&station=3`);
    await page.waitForFunction("window.pagoda_ready");
    assert.match(await page.textContent("#levels"), /0: a write faults/);
    await page.click("#choice-0");
    assert.match(await page.textContent("#answer"), /That is right.*copies 3 tables and one page/);
    assert.match(await page.textContent("#levels"), /1: writable/);
    await page.click("#tour-end");
    assert(!await page.isVisible("#tour"));
}

/** A link to a moment opens it, with what is selected. */
async function fragment_test(page, url) {
    await page.goto("about:blank");
    await page.goto(url);
    await page.waitForFunction("window.pagoda_ready");
    const fork = await event_of(page), space = page.url().match(/space=\d+/)[0];
    const selected = `${space}&page=0x401000&frame=0x10&follow=0`;
    await page.goto("about:blank");
    await page.goto(`${url}#event=${fork - 1}&${selected}`);
    await page.waitForFunction("window.pagoda_ready");
    assert.equal(await event_of(page), fork - 1);
    assert.equal(await page.inputValue("#address"), "0x401000");
    assert.equal(await page.inputValue("#frame"), "0x10");
    await page.click("#step");
    assert(page.url().endsWith(`#event=${fork}&${selected}`), page.url());
}

/** What the page shows is what replay computes. */
async function states_test(page, states) {
    for (const [n, text] of states) {
        await page.fill("#number", String(n));
        await page.keyboard.press("Enter");
        const shown = await page.evaluate("pagoda.state_text()");
        assert(shown === text, `the page shows another state at event ${n} than replay`);
    }
}

async function axe_test(page, what) {
    await page.addScriptTag({ path: join(BUILD, "node_modules/axe-core/axe.min.js") });
    const found = await page.evaluate(() => axe.run({
        runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    }));
    const words = found.violations.map((v) =>
        `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((node) => node.html).join(" | ")}`);
    assert.equal(words.join("\n"), "", what);
}

async function phone_test(page) {
    const width = await page.evaluate("document.documentElement.scrollWidth");
    assert(width <= PHONE.width, `the page is ${width} pixels wide on a phone`);
    await page.click("#step");
}

/** Runs all tests on the page of a recording; `states` are the states of some events, as text. */
export async function browser_test(path, states) {
    const { chromium } = load("playwright-core");
    const file = join(BUILD, "test.html"), url = pathToFileURL(file).href, errors = [];
    writeFileSync(file, page_build(path));
    const browser = await chromium.launch({
        executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
        chromiumSandbox: process.getuid() !== 0,
    });
    try {
        const desk = await open(browser, url, DESK, "light", errors);
        const dark = await open(browser, url, DESK, "dark", errors);
        const phone = await open(browser, url, PHONE, "light", errors);
        for (const [what, test] of [
            ["axe-core finds nothing in the light theme", () => axe_test(desk, "light")],
            ["axe-core finds nothing in the dark theme", () => axe_test(dark, "dark")],
            ["axe-core finds nothing on a phone", () => axe_test(phone, "phone")],
            ["it is as wide as a phone", () => phone_test(phone)],
            ["it steps", () => steps_test(desk)],
            ["it searches and plays", () => filter_test(desk)],
            ["the keyboard alone does", () => keys_test(desk, url)],
            ["the first write after a fork is explained", () => sentence_test(desk, url)],
            ["the page of an event is selected", () => selected_test(desk, url)],
            ["two moments are compared", () => compare_test(desk, url)],
            ["views are saved as SVG", () => save_test(desk)],
            ["the tours are gone to their ends", () => tours_test(desk, url)],
            ["a link opens its moment", () => fragment_test(desk, url)],
            ["it shows the states of replay",
                () => states_test(desk, [...states].slice(0, STATES))],
            ["no error, and no network", () => assert.deepEqual(errors, [])],
        ]) {
            await test();
            console.log(`ok - page: ${what}`);
        }
    } finally {
        await browser.close();
    }
}
