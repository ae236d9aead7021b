import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { App, Bindings } from "./env";
import { Refused } from "./errors";
import type { Media } from "./sniff";

/** The largest file, in bytes, by what it is. */
export type SizeLimits = Record<Media["kind"], number>;

/** The configured size limits. */
export function sizeLimits(env: Bindings): SizeLimits {
  return { picture: Number(env.MAX_UPLOAD_BYTES), video: Number(env.MAX_VIDEO_BYTES) };
}

/** Refuse a file that is larger than its kind may be. */
export function requireSize(limits: SizeLimits, media: Media, bytes: number): void {
  const most = limits[media.kind];
  if (bytes > most) throw tooLarge(`A ${media.kind} may have at most ${megabytes(most)}.`);
}

/** Let no body of more than `maxSize` bytes through; for routes that hold the whole body in memory. */
export function limitBody(maxSize: number): MiddlewareHandler<App> {
  return bodyLimit({
    maxSize,
    onError: () => {
      throw tooLarge(`This request may have at most ${megabytes(maxSize)}.`);
    },
  });
}

/** The body as JSON. */
export async function readJson(c: Context<App>): Promise<unknown> {
  try {
    return await c.req.json();
  } catch {
    throw new Refused(400, "invalid_request", "The body could not be read as JSON.");
  }
}

/** A refusal of too many bytes. */
export function tooLarge(sentence: string): Refused {
  return new Refused(413, "input_too_large", sentence);
}

/** A number of bytes in words. */
export function megabytes(bytes: number): string {
  return `${Number((bytes / 1_000_000).toFixed(1))} MB`;
}
