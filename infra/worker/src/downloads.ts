import { type Context, Hono } from "hono";
import type { components } from "../contract";
import { withoutIdentities } from "./detection";
import type { App, Routes } from "./env";
import { Refused } from "./errors";
import { isFileId, isServed } from "./ids";
import * as keys from "./keys";
import { attachment, withExtension } from "./names";
import { condition, readRange } from "./range";
import { readRecord } from "./records";
import { noSuchJob } from "./status";

type Detection = components["schemas"]["Detection"];

/** The bytes of an upload or of a job's result. */
export const routes: Routes = new Hono<App>().get("/api/download/:id", (c) => download(c, c.req.param("id")));

/** What the bucket holds under an id, and the name to save it by. */
interface Found {
  object: R2Object;
  name: string;
  /** The job whose result it is. */
  jobId?: string;
}

/** Answer with what `id` names: an upload's id, or a job's, which may end in any extension. */
export async function download(c: Context<App>, id: string): Promise<Response> {
  const { object, name, jobId } = (await findUpload(c, id)) ?? (await findResult(c, id));
  const headers = new Headers({
    "Content-Type": object.httpMetadata?.contentType ?? "application/octet-stream",
    "Content-Disposition": attachment(name),
    ETag: object.httpEtag,
    "Cache-Control": "private, max-age=3600, immutable",
  });
  const found = condition(c.req.raw.headers, object.httpEtag);
  if (found === "failed") throw new Refused(412, "precondition_failed", "The file is another one.");
  if (found === "not modified") return new Response(null, { status: 304, headers });
  if (jobId !== undefined && !isMedia(object)) return sendDetection(c, jobId, object, headers);
  return sendBytes(c, object, headers);
}

async function sendBytes(c: Context<App>, object: R2Object, headers: Headers): Promise<Response> {
  headers.set("Accept-Ranges", "bytes");
  headers.set("Content-Length", String(object.size));
  if (c.req.method === "HEAD") return new Response(null, { headers });
  const range = readRange(wantedRange(c, object), object.size);
  if (range === "unsatisfiable") {
    const sentence = "The file is not as long as the range that was asked for.";
    const size = { "Content-Range": `bytes */${object.size}` };
    throw new Refused(416, "range_not_satisfiable", sentence, size);
  }
  const body = (await c.env.BUCKET.get(object.key, range ? { range } : {}))?.body;
  if (!body) throw gone();
  if (range === null) return new Response(body, { headers });
  headers.set("Content-Length", String(range.length));
  headers.set("Content-Range", `bytes ${range.offset}-${range.offset + range.length - 1}/${object.size}`);
  return new Response(body, { status: 206, headers });
}

/** A detection holds what identifies the people in it: it leaves the bucket without that. */
async function sendDetection(
  c: Context<App>,
  jobId: string,
  object: R2Object,
  headers: Headers,
): Promise<Response> {
  const stored = await c.env.BUCKET.get(object.key);
  if (!stored) throw gone();
  const view = withoutIdentities(jobId, object.key, await stored.json<Detection>());
  return new Response(JSON.stringify(view), { headers });
}

/** A range counts only for the very file that If-Range names. */
function wantedRange(c: Context<App>, object: R2Object): string | undefined {
  const only = c.req.header("If-Range");
  return only === undefined || only === object.httpEtag ? c.req.header("Range") : undefined;
}

/** A result that is neither passes as a detection or is not sent at all. */
function isMedia(object: R2Object): boolean {
  return /^(image|video)\//.test(object.httpMetadata?.contentType ?? "");
}

async function findUpload(c: Context<App>, id: string): Promise<Found | null> {
  const object = isFileId(id) ? await c.env.BUCKET.head(keys.upload(id)) : null;
  if (object === null) return null;
  const name = decodeURIComponent(object.customMetadata?.name ?? id);
  return { object, name: withExtension(name, extensionOf(id)) };
}

async function findResult(c: Context<App>, id: string): Promise<Found> {
  const jobId = id.split(".", 1)[0] ?? "";
  const record = isServed(c.env, jobId) ? await readRecord(c.env.BUCKET, jobId) : null;
  if (!record) throw noSuchJob();
  if (!record.result)
    throw new Refused(404, "not_found", "The job has no result, or not yet: see its status.");
  const object = await c.env.BUCKET.head(record.result.key);
  if (object === null) throw gone();
  return { object, jobId, name: withExtension(jobId, extensionOf(record.result.key)) };
}

const extensionOf = (key: string): string => key.split(".").at(-1) ?? "";

function gone(): Refused {
  return new Refused(404, "not_found", "There is no such file: files are deleted after some days.");
}
