import preact from "@preact/preset-vite";
import { defineConfig } from "vite";

/** The page, built into the folder that the Worker serves as its assets. */
export default defineConfig({
  root: "page",
  publicDir: "public",
  plugins: [preact({ devToolsEnabled: false, prefreshEnabled: false })],
  build: { outDir: "../dist", emptyOutDir: true, target: "es2022", assetsInlineLimit: 0 },
});
