import { sha256 } from "./ids";
import * as keys from "./keys";

/** Which job a name stands for, and a digest of what was asked for under it. */
export interface Remembered {
  jobId: string;
  asked: string;
}

/** What stands for a sender's word in the bucket; with a token, one of its holder's own. */
export async function digestOf(word: string, token: string | undefined): Promise<string> {
  return sha256(JSON.stringify([word, token ?? null]));
}

/** Remember a job under a digest, unless one is remembered there already; returns the one that counts. */
export async function remember(bucket: R2Bucket, digest: string, mine: Remembered): Promise<Remembered> {
  const key = keys.idempotency(digest);
  const stored = await bucket.put(key, JSON.stringify(mine), {
    onlyIf: new Headers({ "If-None-Match": "*" }),
    httpMetadata: { contentType: "application/json" },
  });
  if (stored) return mine;
  const known = await bucket.get(key);
  // It may have been deleted just now, a day old.
  return known ? known.json<Remembered>() : remember(bucket, digest, mine);
}

/** Forget what is remembered under a digest. */
export async function forget(bucket: R2Bucket, digest: string): Promise<void> {
  await bucket.delete(keys.idempotency(digest));
}
