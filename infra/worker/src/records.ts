import type { components } from "../contract";
import * as keys from "./keys";

/** What a consumer has written of a job. */
export type Status = components["schemas"]["Status"];

/** A job as the bucket knows it: by its record, or by its manifest in the inbox while nobody has begun with it. */
export type Found = { record: Status } | { announced: R2Object };

/** Read a job's record; null while no consumer has begun with it. */
export async function readRecord(bucket: R2Bucket, jobId: string): Promise<Status | null> {
  const stored = await bucket.get(keys.status(jobId));
  return stored && (await stored.json<Status>());
}

/** Look for a job; null where there is none. */
export async function find(bucket: R2Bucket, jobId: string): Promise<Found | null> {
  const record = await readRecord(bucket, jobId);
  if (record) return { record };
  const announced = await bucket.head(keys.manifest(jobId));
  if (announced) return { announced };
  // It may have begun and ended between the two looks.
  const late = await readRecord(bucket, jobId);
  return late && { record: late };
}

/** Say whether a job has ended; its record never changes again. */
export function hasEnded(record: Pick<Status, "status">): boolean {
  return record.status === "completed" || record.status === "failed" || record.status === "cancelled";
}
