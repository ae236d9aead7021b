import type { Bindings } from "./env";
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
  // Turned round so that a limit which is no number lets nothing through.
  if (bytes <= most) return;
  throw tooLarge(`A ${media.kind} may have at most ${megabytes(most)}; send a smaller one.`);
}

/** A refusal of too many bytes. */
export function tooLarge(sentence: string): Refused {
  return new Refused(413, "input_too_large", sentence);
}

/** A number of bytes in words. */
export function megabytes(bytes: number): string {
  return `${Number((bytes / 1_000_000).toFixed(1))} MB`;
}
