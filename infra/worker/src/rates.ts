import type { Context, MiddlewareHandler } from "hono";
import type { App } from "./env";
import { Refused } from "./errors";

/** The period of every limit in wrangler.jsonc. */
const PERIOD_S = 60;
/** More addresses than that are not kept in memory. */
const MOST_BARRED = 10_000;

/** Until when no token is looked at from an address, in milliseconds of the clock: a limit cannot be asked without counting. */
const barred = new Map<string, number>();

/** Refuse (429) who asks too often; uploads, jobs and reads are counted apart. */
export const limitRate: MiddlewareHandler<App> = async (c, next) => {
  const { success } = await limitOf(c).limit({ key: addressOf(c) });
  if (!success) throw tooMany();
  await next();
};

/** Refuse (429) whoever comes too often without a valid token or session; counted apart from what is done with one. */
export async function limitStrangers(c: Context<App>): Promise<void> {
  const { success } = await c.env.AUTH_LIMIT.limit({ key: addressOf(c) });
  if (!success) throw tooMany();
}

/** As `limitStrangers`, for a wrong token: after too many, `refuseGuessers` refuses the address for a minute. */
export async function limitGuesses(c: Context<App>): Promise<void> {
  await limitStrangers(c).catch((error: unknown) => {
    if (barred.size >= MOST_BARRED) barred.clear();
    barred.set(addressOf(c), Date.now() + PERIOD_S * 1000);
    throw error;
  });
}

/** Refuse (429) every token from where too many were wrong: to let the right one through would tell which it is. */
export function refuseGuessers(c: Context<App>): void {
  if (Date.now() < (barred.get(addressOf(c)) ?? 0)) throw tooMany();
}

function addressOf(c: Context<App>): string {
  return c.req.header("CF-Connecting-IP") ?? "local";
}

function tooMany(): Refused {
  const sentence = "Too many requests came from your address. Please try again in a minute.";
  return new Refused(429, "too_many_requests", sentence, { "Retry-After": String(PERIOD_S) });
}

function limitOf(c: Context<App>): RateLimit {
  if (["GET", "HEAD"].includes(c.req.method)) return c.env.READ_LIMIT;
  return c.req.path.startsWith("/api/upload") ? c.env.UPLOAD_LIMIT : c.env.JOB_LIMIT;
}
