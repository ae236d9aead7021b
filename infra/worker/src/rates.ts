import type { Context, MiddlewareHandler } from "hono";
import type { App } from "./env";
import { Refused } from "./errors";

/** The period of every limit in wrangler.jsonc. */
const PERIOD_S = "60";

/** Refuse (429) who asks too often; uploads, jobs and reads are counted apart. */
export const limitRate: MiddlewareHandler<App> = async (c, next) => {
  const { success } = await limitOf(c).limit({ key: c.req.header("CF-Connecting-IP") ?? "local" });
  if (!success) {
    const sentence = "Too many requests came from your address. Please try again in a minute.";
    throw new Refused(429, "too_many_requests", sentence, { "Retry-After": PERIOD_S });
  }
  await next();
};

function limitOf(c: Context<App>): RateLimit {
  if (["GET", "HEAD"].includes(c.req.method)) return c.env.READ_LIMIT;
  return c.req.path.startsWith("/api/upload") ? c.env.UPLOAD_LIMIT : c.env.JOB_LIMIT;
}
