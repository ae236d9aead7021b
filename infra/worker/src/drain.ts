import type { MiddlewareHandler } from "hono";
import type { App } from "./env";

/** What Cloudflare lets through at most on its smaller plans; nobody waits for the end of more. */
const MOST_BYTES = 100 * 2 ** 20;

/**
 * Reads what is left of a refused request's body before the answer goes out.
 *
 * Most clients listen only once they have sent everything; one whose connection is closed before that hears of a
 * broken connection instead of the refusal.
 */
export const hearOut: MiddlewareHandler<App> = async (c, next) => {
  await next();
  const body = c.req.raw.body;
  if (c.res.ok || body === null || body.locked) return;
  if (Number(c.req.header("Content-Length") ?? 0) > MOST_BYTES) return;
  try {
    for await (const _ of body);
  } catch {
    // Who sent it has gone; there is nobody to answer.
  }
};
