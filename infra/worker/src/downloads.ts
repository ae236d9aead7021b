import { type Context, Hono } from "hono";
import type { components } from "../contract";
import { withoutIdentities } from "./detection";
import type { App, Routes } from "./env";
import { Refused } from "./errors";
import { isFileId, isServed } from "./ids";
import * as keys from "./keys";
import { attachment, withExtension } from "./names";
import { condition, readRange } from "./range";
import { readRecord, type Status } from "./records";
import { kindOf } from "./sniff";
import { noSuchJob } from "./status";

type Detection = components["schemas"]["Detection"];
/** What may lie beside a result: of a video what to show of it, of a signed WebM or Matroska its signature. */
type Extra = "poster" | "preview" | "sidecar";

const EXTRAS = {
  poster: { type: "image/jpeg", only: "a video's result", named: "-poster" },
  preview: { type: "video/mp4", only: "a video's result", named: "-preview" },
  // By its name whoever checks a file finds it.
  sidecar: { type: "application/c2pa", only: "a signed WebM or Matroska video", named: "" },
} as const;

/** The bytes of an upload, of a job's result, and of what goes with that. */
export const routes: Routes = new Hono<App>()
  .get("/api/download/:id", async (c) => {
    const id = c.req.param("id");
    return send(c, (await findUpload(c, id)) ?? (await findResult(c, id)));
  })
  .get("/api/download/:id/poster", async (c) => send(c, await findExtra(c, c.req.param("id"), "poster")))
  .get("/api/download/:id/preview", async (c) => send(c, await findExtra(c, c.req.param("id"), "preview")))
  .get("/api/download/:id/sidecar", async (c) => send(c, await findExtra(c, c.req.param("id"), "sidecar")));

/** What the bucket holds under an id, and the name to save it by. */
interface Found {
  object: R2Object;
  name: string;
  /** The job whose detection it is. */
  jobId?: string;
}

async function send(c: Context<App>, { object, name, jobId }: Found): Promise<Response> {
  const headers = new Headers({
    "Content-Type": object.httpMetadata?.contentType ?? "application/octet-stream",
    "Content-Disposition": attachment(name),
    ETag: object.httpEtag,
    "Cache-Control": "private, max-age=3600, immutable",
  });
  const found = condition(c.req.raw.headers, object.httpEtag);
  if (found === "failed") throw new Refused(412, "precondition_failed", "The file is another one.");
  if (found === "not modified") return new Response(null, { status: 304, headers });
  if (jobId !== undefined) return sendDetection(c, jobId, object, headers);
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

async function findUpload(c: Context<App>, id: string): Promise<Found | null> {
  const object = isFileId(id) ? await c.env.BUCKET.head(keys.upload(id)) : null;
  if (object === null) return null;
  const name = decodeURIComponent(object.customMetadata?.name ?? id);
  return { object, name: withExtension(name, extensionOf(id)) };
}

/** What a job has made; what is neither a picture nor a video passes as a detection or is not sent at all. */
async function findResult(c: Context<App>, id: string): Promise<Found> {
  const { jobId, result } = await resultOf(c, id);
  const object = await headOf(c, result.key);
  const name = withExtension(jobId, extensionOf(result.key));
  return typeOf(object) === null ? { object, name, jobId } : { object, name };
}

async function findExtra(c: Context<App>, id: string, extra: Extra): Promise<Found> {
  const { jobId, result } = await resultOf(c, id);
  const key = result[extra];
  const { type, only, named } = EXTRAS[extra];
  if (!key) throw new Refused(404, "not_found", `The job has no ${extra}: only ${only} has one.`);
  const object = await headOf(c, key);
  if (object.httpMetadata?.contentType !== type) throw new Error(`the ${extra} of ${jobId} is none`);
  return { object, name: `${jobId}${named}.${extensionOf(key)}` };
}

/** The result of the job that `id` names, which may end in any extension. */
async function resultOf(c: Context<App>, id: string) {
  const jobId = id.split(".", 1)[0] ?? "";
  const record: Status | null = isServed(c.env, jobId) ? await readRecord(c.env.BUCKET, jobId) : null;
  if (!record) throw noSuchJob();
  if (!record.result)
    throw new Refused(404, "not_found", "The job has no result, or not yet: see its status.");
  return { jobId, result: record.result };
}

async function headOf(c: Context<App>, key: string): Promise<R2Object> {
  const object = await c.env.BUCKET.head(key);
  if (object === null) throw gone();
  return object;
}

const typeOf = (object: R2Object) => kindOf(object.httpMetadata?.contentType ?? "");

const extensionOf = (key: string): string => key.split(".").at(-1) ?? "";

function gone(): Refused {
  return new Refused(404, "not_found", "There is no such file: files are deleted after some days.");
}
