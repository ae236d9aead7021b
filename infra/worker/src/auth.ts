import { type Context, Hono, type MiddlewareHandler } from "hono";
import { getSignedCookie, setSignedCookie } from "hono/cookie";
import { timingSafeEqual } from "hono/utils/buffer";
import { readObject } from "./body";
import type { App, Routes } from "./env";
import { Refused } from "./errors";
import { limitGuesses, limitStrangers, refuseGuessers } from "./rates";

const COOKIE = "swapdrop";
const SESSION_S = 12 * 3600;
/** What needs no token. */
const OPEN = ["/health", "/api/session"];

/** Where a token is set, let through only what has it, or a session of this very site. */
export const requireToken: MiddlewareHandler<App> = async (c, next) => {
  const token = c.env.API_TOKEN;
  if (token && !OPEN.includes(c.req.path)) {
    const header = c.req.header("Authorization");
    if (header !== undefined) await requireSame(c, /^Bearer +(.*)$/i.exec(header)?.[1], token);
    else await requireSession(c, token);
  }
  await next();
};

/** A session for what cannot send a token: `EventSource`, `<img>`, `<video>`. */
export const routes: Routes = new Hono<App>().post("/api/session", async (c) => {
  const token = c.env.API_TOKEN;
  if (!token) throw new Refused(404, "not_found", "This service asks for no token.");
  const { token: given } = await readObject(c);
  await requireSame(c, given, token);
  const end = String(now() + SESSION_S);
  await setSignedCookie(c, COOKIE, end, signingKey(c, token), {
    prefix: "host",
    httpOnly: true,
    sameSite: "Strict",
    maxAge: SESSION_S,
  });
  return c.body(null, 204);
});

async function requireSame(c: Context<App>, given: unknown, token: string): Promise<void> {
  refuseGuessers(c);
  if (typeof given === "string" && (await timingSafeEqual(given, token))) return;
  await limitGuesses(c);
  throw unauthorized();
}

/** A browser sends the cookie by itself, so what changes something must also say that it comes from this site. */
async function requireSession(c: Context<App>, token: string): Promise<void> {
  const end = await getSignedCookie(c, signingKey(c, token), COOKIE, "host");
  if (!end || Number(end) <= now()) {
    await limitStrangers(c);
    throw unauthorized();
  }
  if (["GET", "HEAD"].includes(c.req.method) || c.req.header("Origin") === new URL(c.req.url).origin) return;
  throw new Refused(
    403,
    "forbidden_origin",
    "A session works only from this site's own pages; send the token.",
  );
}

/** Sessions end when either secret is changed. */
function signingKey(c: Context<App>, token: string): string {
  return `${c.env.SESSION_KEY ?? ""}\n${token}`;
}

function unauthorized(): Refused {
  const sentence =
    "This service asks for its token: send it as Authorization: Bearer, or begin a session with it.";
  return new Refused(401, "unauthorized", sentence, { "WWW-Authenticate": "Bearer" });
}

const now = () => Math.floor(Date.now() / 1000);
