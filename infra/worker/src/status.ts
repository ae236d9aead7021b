import { Hono } from "hono";
import type { App, Bindings, Routes } from "./env";
import { answer, Refused } from "./errors";
import { isServed } from "./ids";
import type { Queue } from "./queue";
import { find } from "./records";
import { type StatusView, versionOf, viewOf } from "./view";

/** How jobs stand; `queue` tells where those wait that nobody has begun with. */
export function statusRoutes(queue: Queue): Routes {
  return new Hono<App>().get("/api/status/:jobId", async (c) => {
    const view = await look(c.env, queue, c.req.param("jobId"));
    const etag = `"${versionOf(view)}"`;
    c.header("ETag", etag);
    c.header("Cache-Control", "no-cache");
    return isKnown(c.req.header("If-None-Match"), etag) ? c.body(null, 304) : answer(c, view);
  });
}

/** Look at a job as it is shown; raises a refusal where there is none, or none that may be told of. */
export async function look(env: Bindings, queue: Queue, jobId: string): Promise<StatusView> {
  const found = isServed(env, jobId) ? await find(env.BUCKET, jobId) : null;
  if (!found) throw noSuchJob();
  return viewOf(jobId, found, "announced" in found ? await queue.ahead(env.BUCKET, jobId) : undefined);
}

/** The refusal for a job that is not there. */
export function noSuchJob(): Refused {
  return new Refused(
    404,
    "not_found",
    "There is no such job. It may have been deleted since; send it again.",
  );
}

function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  const known = (ifNoneMatch ?? "").split(",").map((each) => each.trim().replace(/^W\//, ""));
  return known.includes(etag) || known.includes("*");
}
