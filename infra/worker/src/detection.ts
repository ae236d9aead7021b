import { Hono } from "hono";
import type { components } from "../contract";
import { readObject } from "./body";
import type { App, Bindings, Routes } from "./env";
import { answer, Refused } from "./errors";
import { digestOf, forget } from "./idempotency";
import { isFileId } from "./ids";
import { readManifest } from "./manifest";
import { hasEnded, readRecord, type Status } from "./records";
import { submit } from "./submit";

type Detection = components["schemas"]["Detection"];
type FoundFace = components["schemas"]["FoundFace"];
/** A detection as it may leave the service. */
export type DetectionView = components["schemas"]["DetectionView"];

/** How long a request waits for its detection, in milliseconds. */
export interface Patience {
  /** Where the sender would rather follow the job than wait longer. */
  asyncMs: number;
  /** Of earlier clients, which know of no job. */
  syncMs: number;
}

const RETRY_AFTER_S = 5;

/** Finding the faces of a picture or video, as one request that waits for them. */
export function detectionRoutes(patience: Patience = { asyncMs: 25_000, syncMs: 90_000 }): Routes {
  return new Hono<App>().post("/api/detect-faces", async (c) => {
    const { fileId } = await readObject(c);
    if (typeof fileId !== "string" || !isFileId(fileId)) {
      const sentence = "No file ID of an upload: send the `fileId` that the answer to it gave.";
      throw new Refused(400, "invalid_request", sentence);
    }
    const jobId = await begin(c.env, fileId);
    const mayFollow = /\brespond-async\b/i.test(c.req.header("Prefer") ?? "");
    const record = await ended(c.env.BUCKET, jobId, mayFollow ? patience.asyncMs : patience.syncMs);
    if (record) return answer(c, await detected(c.env.BUCKET, jobId, record));
    if (mayFollow) return answer(c, { jobId }, 202);
    const message = "Looking for faces takes longer than usual. Try again in a moment: it goes on meanwhile.";
    throw new Refused(504, "detection_timeout", message, { "Retry-After": String(RETRY_AFTER_S) });
  });
}

/** A detection as it may leave the service: without what identifies people. */
export function withoutIdentities(jobId: string, key: string, found: Detection): DetectionView {
  const { media, total_faces, faces } = found;
  return { version: 1, media, total_faces, faces: faces.map(shownFace), jobId, detection: key };
}

/** Only what is known to identify nobody is taken over, whatever else a consumer may write some day. */
function shownFace(face: FoundFace): DetectionView["faces"][number] {
  const { face_id, x, y, width, height, confidence, kps, center_x, center_y } = face;
  const { position_description, preview, track } = face;
  const known = {
    face_id,
    x,
    y,
    width,
    height,
    confidence,
    kps,
    center_x,
    center_y,
    position_description,
    preview,
  };
  return { id: face_id, ...known, ...(track ? { track } : {}) };
}

/** The job that looks for the faces of this file: the one that does or did already, unless it came to nothing. */
async function begin(env: Bindings, fileId: string): Promise<string> {
  const manifest = readManifest({ target: fileId }, "detect-faces", false);
  const name = `faces ${fileId}`;
  const jobId = await submit(env, manifest, name);
  const before = await readRecord(env.BUCKET, jobId);
  if (!before || !hasEnded(before) || before.status === "completed") return jobId;
  await forget(env.BUCKET, await digestOf(name, env.API_TOKEN));
  return submit(env, manifest, name);
}

/** The record of a job that ends in time, else null. */
async function ended(bucket: R2Bucket, jobId: string, patienceMs: number): Promise<Status | null> {
  const until = Date.now() + patienceMs;
  for (;;) {
    const record = await readRecord(bucket, jobId);
    if (record && hasEnded(record)) return record;
    const leftMs = until - Date.now();
    if (leftMs <= 0) return null;
    // Forty looks in ninety seconds: a request of the free plan may ask for fifty things.
    await scheduler.wait(Math.min(leftMs, Math.max(300, (patienceMs - leftMs) / 8)));
  }
}

async function detected(bucket: R2Bucket, jobId: string, record: Status): Promise<DetectionView> {
  if (record.status === "failed" && record.error)
    throw new Refused(422, record.error.code, record.error.message);
  const stored = record.result && (await bucket.get(record.result.key));
  if (!record.result || !stored) {
    throw new Refused(409, "already_ended", "The search for faces was stopped. Send the request again.");
  }
  return withoutIdentities(jobId, record.result.key, await stored.json<Detection>());
}
