// Builds the page of a recording, one file that needs nothing else:  build.mjs RECORDING OUT

import { readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { HERE, bundle, replay } from "./tools.mjs";

const packed = (bytes) => gzipSync(bytes, { level: 9 }).toString("base64");
const escaped = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

/** Returns the places of a recording: those that `make record` has kept next to it, because the
 *  kernel may have been built anew since; else those that build/replay finds. */
function places_of(path) {
    const kept = `${path}.places`, about = statSync(kept, { throwIfNoEntry: false });
    if (about && about.mtimeMs >= statSync(path).mtimeMs) return readFileSync(kept);
    return Buffer.from(replay(path, "places"));
}

/** Returns the page as text. Throws if the file is no recording. */
export function page_build(path) {
    const bytes = readFileSync(path);
    if (bytes.subarray(0, 8).toString("latin1") !== "PAGODAEV")
        throw new Error(`${path} is no recording; \`make record\` makes one`);
    const parts = {
        TITLE: escaped(basename(path)),
        STYLE: readFileSync(join(HERE, "src/page.css"), "utf8"),
        RECORDING: packed(bytes),
        PLACES: packed(places_of(path)),
        SCRIPT: bundle("page.ts", { format: "iife", minify: true })
            .replace(/<\/script/g, "<\\/script"),
    };
    const template = readFileSync(join(HERE, "src/page.html"), "utf8");
    return template.replace(/@([A-Z]+)@/g, (whole, name) => parts[name] ?? whole);
}

if (process.argv[1] === import.meta.filename) {
    const [recording, out] = process.argv.slice(2);
    try {
        const text = page_build(recording);
        writeFileSync(out, text);
        console.log(`${out}: ${(text.length / 1e6).toFixed(1)} MB; open it in a browser`);
    } catch (error) {
        console.error(`page: ${error.message}`);
        process.exit(1);
    }
}
