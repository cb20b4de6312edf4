// Tests the page:  test.mjs RECORDING...
//
// The state of the page must be that of build/replay at 200 random events of each recording. Then
// the page of the first one is opened in Chromium (browser.mjs).

import assert from "node:assert";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { browser_test } from "./browser.mjs";
import { BUILD, bundle, replay } from "./tools.mjs";

const EVENTS = 200, DIFFS = 12;

async function engine_load() {
    const at = join(BUILD, "state.mjs");
    writeFileSync(at, bundle("engine.ts", { format: "esm", platform: "neutral" }));
    return import(pathToFileURL(at));
}

/** Returns numbers below `count`, in random order; the same ones for a seed. */
function random_numbers(count, seed) {
    const numbers = [0, count - 1];
    while (numbers.length < Math.min(EVENTS, count)) {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
        numbers.push(Math.floor((seed / 2 ** 32) * count));
    }
    return [...new Set(numbers)];
}

/** Says the first line in which two texts differ. */
function texts_compare(n, ours, theirs) {
    if (ours === theirs) return;
    const a = ours.split("\n"), b = theirs.split("\n");
    const at = a.findIndex((line, i) => line !== b[i]);
    assert.fail(`event ${n}, line ${at}: the page has "${a[at]}", and replay "${b[at]}"`);
}

function states_compare(engine, path, seed) {
    const bytes = readFileSync(path);
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
    const before = performance.now();
    const history = new engine.History(new engine.Recording(file));
    const opened = performance.now() - before;
    assert.equal(history.problem, "");
    const numbers = random_numbers(history.count, seed);
    const sorted = [...numbers].sort((x, y) => x - y);
    const expected = new Map();
    for (const text of replay(path, "state", ...sorted.map(String)).split(/^(?=event )/m))
        expected.set(parseInt(text.slice(6), 16), text);
    let slowest = 0;
    for (const n of numbers) {
        const start = performance.now();
        const state = history.at(n);
        slowest = Math.max(slowest, performance.now() - start);
        texts_compare(n, engine.state_text(state), expected.get(n));
    }
    console.log(`ok - ${path}: ${numbers.length} states of ${history.count} events agree ` +
        `(opened in ${opened.toFixed(0)} ms; the slowest state took ${slowest.toFixed(1)} ms)`);
    for (let n = 0; n < DIFFS; n++) {
        const [first, last] = [numbers[2 + 2 * n], numbers[3 + 2 * n]].sort((x, y) => x - y);
        const found = engine.states_compare(history.copy_at(first), history.copy_at(last));
        texts_compare(last, found.map((d) => `${d.words}\n`).join(""),
            replay(path, "diff", String(first), String(last)));
    }
    console.log(`ok - ${path}: ${DIFFS} differences between two moments agree`);
    return new Map(numbers.map((n) => [n, expected.get(n)]));
}

const seed = Number(process.env.SEED ?? Date.now() % 1e6);
console.log(`# SEED=${seed}`);
const engine = await engine_load();
const states = process.argv.slice(2).map((path) => states_compare(engine, path, seed));
await browser_test(process.argv[2], states[0]);
