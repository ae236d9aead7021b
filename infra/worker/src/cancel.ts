import { Hono } from "hono";
import type { App, Bindings, Routes } from "./env";
import { answer, Refused } from "./errors";
import { isServed } from "./ids";
import * as keys from "./keys";
import { isManifest } from "./manifest";
import { find, hasEnded, readRecord, type Status } from "./records";
import { noSuchJob } from "./status";
import { announce } from "./submit";

const NOT_UNDERSTOOD = "not_understood";

/** Asking jobs to stop. */
export const cancelRoutes: Routes = new Hono<App>().post("/api/cancel/:jobId", async (c) => {
  const jobId = c.req.param("jobId");
  const found = isServed(c.env, jobId) ? await find(c.env.BUCKET, jobId) : null;
  if (!found || ("record" in found && isPuzzle(found.record))) throw noSuchJob();
  if ("record" in found && hasEnded(found.record)) throw alreadyEnded(found.record);
  await c.env.BUCKET.put(keys.cancel(jobId), "");
  if ("record" in found) await leadBack(c.env, jobId);
  return answer(c, { message: "The job has been asked to stop." }, 202);
});

/**
 * Announce a job again that has begun and whose entry in the inbox is gone.
 *
 * Where its consumer has died nothing leads another one to it, and nobody but a consumer may write its record: one
 * that finds it announced heeds the mark. Where its consumer lives, or the job has ended meanwhile, it is only cleared.
 */
async function leadBack(env: Bindings, jobId: string): Promise<void> {
  if (await env.BUCKET.head(keys.manifest(jobId))) return;
  // The entry goes after the end is written: what stands in the record now is how the job stands.
  const record = await readRecord(env.BUCKET, jobId);
  if (!record || hasEnded(record)) return;
  // The record of a job that was not understood holds nothing of it; its id is enough to end it.
  const manifest = { ...record.manifest, job_id: jobId };
  if (record.manifest === null || isManifest(manifest)) await announce(env.BUCKET, jobId, manifest);
}

/** Whether a record tells of files in the inbox that are no job. */
function isPuzzle({ manifest, warnings }: Status): boolean {
  return manifest === null && warnings.some(({ code }) => code === NOT_UNDERSTOOD);
}

function alreadyEnded({ status }: Status): Refused {
  return new Refused(409, "already_ended", `The job has ended already; it is ${status}.`);
}
