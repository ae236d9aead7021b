import preact from "@preact/preset-vite";
import { defineConfig } from "vite";

/** What is fetched only when it is wanted; in pieces of their own, since the bundler would cut up the rest for them. */
const LATER = /page\/(src\/later|i18n\/(zh|later))/;

/** The page, built into the folder that the Worker serves as its assets. */
export default defineConfig({
  root: "page",
  publicDir: "public",
  plugins: [preact({ devToolsEnabled: false, prefreshEnabled: false })],
  build: {
    outDir: "../dist",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: { codeSplitting: { groups: [{ name: "page", test: (id) => !LATER.test(id) }] } },
    },
  },
});
