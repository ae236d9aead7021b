import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

/** The Worker's tests run in workerd, the page's modules in node; nothing is asked of the network. */
export default defineConfig({
  test: {
    silent: "passed-only",
    projects: [
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./wrangler.jsonc" },
            miniflare: { cf: false, compatibilityFlags: ["nodejs_compat"] },
          }),
        ],
        test: {
          name: "worker",
          include: ["test/**/*.test.ts"],
          exclude: ["test/page/**"],
          testTimeout: 60_000,
        },
      },
      { test: { name: "page", include: ["test/page/**/*.test.ts"], environment: "node" } },
    ],
  },
});
