import { env } from "cloudflare:test";
import { newFileId, newJobId } from "../src/ids";
import * as keys from "../src/keys";
import type { Status } from "../src/records";

export const bucket = env.BUCKET;

/** Send JSON. */
export function sent(body: unknown, headers: Record<string, string> = {}): RequestInit {
  const type = { "Content-Type": "application/json" };
  return { method: "POST", headers: { ...type, ...headers }, body: JSON.stringify(body) };
}

/** Status, code and sentence of a refusal. */
export async function told(response: Response) {
  const { success, error, code } = await response.json<{ success: boolean; error: string; code: string }>();
  if (success) throw new Error(`not refused: ${response.status}`);
  return { status: response.status, code, error };
}

/** A file that lies in the bucket. */
export async function uploaded(extension = "png"): Promise<string> {
  const fileId = newFileId(extension);
  await bucket.put(keys.upload(fileId), "bytes");
  return fileId;
}

/** A record as a consumer writes it. */
export function recordOf(jobId: string, changes: Partial<Status> = {}): Status {
  return {
    version: 1,
    job_id: jobId,
    rev: 3,
    write_id: "c0ffee00c0ffee00",
    status: "processing",
    stage: "swap",
    progress: { done: 120, total: 900, unit: "frames", percent: 13, fps: null, left_s: null, segments: null },
    attempt: 1,
    max_attempts: 3,
    not_before: null,
    lease: { owner: "gpu-1", ttl_s: 90 },
    created_at: "2026-01-02T03:04:05.000Z",
    updated_at: "2026-01-02T03:04:15.000Z",
    started_at: "2026-01-02T03:04:06.000Z",
    finished_at: null,
    timings_ms: {},
    result: null,
    faces: null,
    warnings: [],
    error: null,
    engine: null,
    manifest: { version: 1, process_type: "single-image", source: "uploads/a.png", target: "uploads/b.png" },
    ...changes,
  };
}

/** What a record of a job that has a result holds besides. */
export function completedWith(key: string, type = "image/png"): Partial<Status> {
  const result = {
    key,
    sha256: "0".repeat(64),
    size: 4,
    content_type: type,
    poster: null,
    preview: null,
    sidecar: null,
  };
  return {
    status: "completed",
    stage: "finish",
    lease: null,
    finished_at: "2026-01-02T03:05:00.000Z",
    progress: { done: 1, total: 1, unit: "pictures", percent: 100, fps: null, left_s: null, segments: null },
    result: { ...result, width: 8, height: 8, frames: null, duration_s: null, faces_swapped: 1, marks: null },
  };
}

/** Write a record and return its job's id. */
export async function recorded(changes: Partial<Status> = {}, jobId = newJobId()): Promise<string> {
  await bucket.put(keys.status(jobId), JSON.stringify(recordOf(jobId, changes)));
  return jobId;
}

/** What lies in the bucket under a key; null where nothing does. */
export async function stored<T = Record<string, unknown>>(key: string): Promise<T | null> {
  const object = await bucket.get(key);
  return object && (await object.json<T>());
}
