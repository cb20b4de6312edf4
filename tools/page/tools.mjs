// What the scripts of this folder share: the packages under build/page, and build/replay.

import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const HERE = dirname(fileURLToPath(import.meta.url));
export const BUILD = join(HERE, "../../build/page");
export const SOURCE = join(HERE, "src");

/** Loads a package of package.json, which `make` has installed. */
export const load = createRequire(join(BUILD, "package.json"));

/** Runs build/replay on a recording; returns its output. */
export function replay(recording, ...words) {
    return execFileSync(join(BUILD, "../replay"), [recording, ...words], {
        encoding: "utf8",
        maxBuffer: 1 << 30,
        stdio: ["ignore", "pipe", "inherit"],
    });
}

/** Bundles a source file into one text of JavaScript. */
export function bundle(name, options) {
    const { buildSync } = load("esbuild");
    const built = buildSync({
        entryPoints: [join(SOURCE, name)],
        bundle: true,
        write: false,
        target: "es2022",
        logLevel: "warning",
        ...options,
    });
    return built.outputFiles[0].text;
}
