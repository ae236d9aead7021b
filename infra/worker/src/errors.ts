import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { components } from "../contract";

/** One of the refusals' own codes, or one of a job's. */
export type Code = components["schemas"]["RefusalCode" | "ErrorCode"];

/** A request that is not done: its HTTP status, a stable code for programs, and a sentence for whoever sent it. */
export class Refused extends Error {
  constructor(
    readonly status: ContentfulStatusCode,
    readonly code: Code,
    message: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(message);
  }
}

/** An answer in the envelope. */
export function answer(c: Context, data: unknown, status: ContentfulStatusCode = 200): Response {
  return c.json({ success: true, data }, status);
}

/** A refusal in the envelope; anything that is no `Refused` is a fault of ours and tells nothing of itself. */
export function refusal(c: Context, error: unknown): Response {
  const known = error instanceof Refused ? error : fault(error);
  const headers = { ...known.headers, "Cache-Control": "no-store" };
  return c.json({ success: false, error: known.message, code: known.code }, known.status, headers);
}

/** The number that R2 gives its errors, as in "put: We encountered an internal error. (10001)"; null for others. */
export function storageCode(error: unknown): number | null {
  const number = error instanceof Error ? /^\w+: .*\((\d+)\)$/s.exec(error.message)?.[1] : undefined;
  return number === undefined ? null : Number(number);
}

function fault(error: unknown): Refused {
  console.error(error);
  if (storageCode(error) === null && !isRetryable(error)) {
    const sentence = "Something went wrong here, not with what you sent. Please try again.";
    return new Refused(500, "internal", sentence);
  }
  const sentence = "The storage does not answer right now. Please try again in a few seconds.";
  return new Refused(503, "storage_unavailable", sentence, { "Retry-After": "5" });
}

/** So the runtime marks a connection that was lost on the way to the bucket. */
function isRetryable(error: unknown): boolean {
  return error instanceof Error && "retryable" in error && error.retryable === true;
}
