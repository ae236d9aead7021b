import type { Hono } from "hono";

/** What Cloudflare hands to the Worker: bindings and vars of wrangler.jsonc, and the secrets, which may be missing. */
export interface Bindings extends Env {
  /** With it, every request but for the page and /health needs it as a bearer token, or a session. */
  API_TOKEN?: string;
  /** Signs session cookies. */
  SESSION_KEY?: string;
}

/** The application's type, for the modules that hold routes. */
export type App = { Bindings: Bindings };

/** An application or a part of it. */
export type Routes = Hono<App>;
