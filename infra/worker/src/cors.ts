import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import type { App, Bindings } from "./env";

/** Lets the configured origins, and no other sites, read answers, those that refuse included. */
export const allowOrigins: MiddlewareHandler<App> = async (c, next) => {
  const preflight = await share(c, next);
  // Earlier clients take no 204 for a yes.
  if (preflight instanceof Response) return new Response(null, { status: 200, headers: preflight.headers });
};

const share = cors({
  origin: (origin, c) => (isAllowed(c.env, origin) ? origin : null),
  allowMethods: ["GET", "HEAD", "POST", "PUT", "DELETE"],
  allowHeaders: [
    "Content-Type",
    "Authorization",
    "X-Requested-With",
    "Idempotency-Key",
    "If-None-Match",
    "Range",
    "Prefer",
    "X-File-Name",
  ],
  exposeHeaders: ["ETag", "Content-Range", "Content-Disposition", "Retry-After"],
  maxAge: 3600,
});

/**
 * Lets only pages of this origin embed an answer, and those of the configured ones.
 *
 * What a page embeds as a picture or a video is asked for without Origin, but names the page's as Referer.
 */
export const allowEmbedding: MiddlewareHandler<App> = async (c, next) => {
  await next();
  const asking = c.req.header("Origin") ?? URL.parse(c.req.header("Referer") ?? "")?.origin ?? "";
  const policy = isAllowed(c.env, asking) ? "cross-origin" : "same-origin";
  c.res.headers.set("Cross-Origin-Resource-Policy", policy);
};

function isAllowed(env: Bindings, origin: string): boolean {
  return origin !== "" && env.ALLOWED_ORIGINS.split(/\s+/).includes(origin);
}
