import { readFileSync } from "node:fs";
import preact from "@preact/preset-vite";
import { defineConfig, type Plugin } from "vite";
import { publicRoots } from "./roots.ts";

/** What is fetched only when it is wanted; in pieces of their own, since the bundler would cut up the rest for them. */
const LATER = /page\/(src\/later|i18n\/(zh|later))|worker\/src\//;

/** The roots by which the page trusts signers, from the file that the consumer's setting names; they are public. */
const trust: Plugin = {
  name: "trust",
  generateBundle() {
    const source = publicRoots(process.env.SWAPDROP_C2PA_TRUST, (path) => readFileSync(path, "utf8"));
    this.emitFile({ type: "asset", fileName: "trust.pem", source });
  },
};

/** The page, built into the folder that the Worker serves as its assets. */
export default defineConfig({
  root: "page",
  publicDir: "public",
  plugins: [preact({ devToolsEnabled: false, prefreshEnabled: false }), trust],
  // In a folder of their own, since they have a policy of their own: see public/_headers.
  worker: {
    format: "es",
    rolldownOptions: { output: { entryFileNames: "workers/[name]-[hash].js" } },
  },
  build: {
    outDir: "../dist",
    // Under the eyes of a Worker that runs, files are only added: one that sees an empty folder may keep to that.
    emptyOutDir: !process.argv.includes("--watch"),
    target: "es2022",
    assetsInlineLimit: 0,
    // A script that could not be preloaded could not be imported either, ever again: see importer.ts.
    modulePreload: false,
    rolldownOptions: {
      output: { codeSplitting: { groups: [{ name: "page", test: (id) => !LATER.test(id) }] } },
    },
  },
});
