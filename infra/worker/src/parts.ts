import { type Context, Hono } from "hono";
import type { components } from "../contract";
import { readObject } from "./body";
import type { App, Routes } from "./env";
import { answer, Refused, storageCode } from "./errors";
import { isFileId } from "./ids";
import * as keys from "./keys";
import { requireSize, sizeLimits, tooLarge } from "./limits";
import { claimed, type Media, SNIFF_BYTES, sniff } from "./sniff";
import { behead, contentLength, newFile, passOn, type Upload, unsupported, uploadOf } from "./uploads";

type Schemas = components["schemas"];

const MIB = 2 ** 20;
const MOST_PARTS = 10_000;

/** Files in parts, all of one size but the last. */
export const routes: Routes = new Hono<App>()
  .post("/api/uploads", async (c) => answer(c, await begin(c), 201))
  .put("/api/uploads/:fileId/parts/:n", async (c) => answer(c, await putPart(c)))
  .post("/api/uploads/:fileId/complete", async (c) => answer(c, await complete(c), 201))
  .delete("/api/uploads/:fileId", async (c) => {
    await explained(resume(c, c.req.query("uploadId")).abort());
    return c.body(null, 204);
  });

/** The size of parts for a file of `size` bytes: 10 MiB, more where there would be too many. */
function partSize(size: number): number {
  return Math.max(10, Math.ceil(size / MOST_PARTS / MIB)) * MIB;
}

async function begin(c: Context<App>): Promise<Schemas["UploadBegun"]> {
  const { fileName, size, type } = await readObject(c);
  if (typeof fileName !== "string" || typeof type !== "string" || !isCount(size)) {
    throw new Refused(400, "invalid_request", "Say `fileName`, `size` in bytes and `type` of the file.");
  }
  const file = newFile(claimed(type, fileName), fileName);
  requireSize(sizeLimits(c.env), file.media, size);
  const { httpMetadata, customMetadata } = file.metadata;
  const metadata = { httpMetadata, customMetadata: { ...customMetadata, size: String(size) } };
  const { uploadId } = await c.env.BUCKET.createMultipartUpload(file.key, metadata);
  return { fileId: file.id, uploadId, partSize: partSize(size) };
}

async function putPart(c: Context<App>): Promise<Schemas["UploadedPart"]> {
  const upload = resume(c, c.req.query("uploadId"));
  const number = Number(c.req.param("n"));
  if (!isCount(number) || number > MOST_PARTS) {
    throw new Refused(400, "invalid_request", `Parts are numbered from 1 to ${MOST_PARTS}.`);
  }
  const length = contentLength(c);
  const body = c.req.raw.body;
  if (length === 0 || body === null) throw new Refused(400, "invalid_request", "The part is empty.");
  if (length > partSize(Math.max(...Object.values(sizeLimits(c.env))))) {
    throw tooLarge("The part is larger than the `partSize` that the upload began with.");
  }
  const stream = await behead(body);
  // What is not taken shows now, not after the whole file has been sent.
  if (number === 1) requireKind(c, sniff(stream.head));
  const send = (whole: ReadableStream) => explained(upload.uploadPart(number, whole));
  const { partNumber, etag } = await passOn(stream, length, send);
  return { partNumber, etag };
}

async function complete(c: Context<App>): Promise<Upload> {
  const { uploadId, parts } = await readObject(c);
  if (typeof uploadId !== "string" || !areParts(parts)) {
    const sentence = "Say `uploadId` and `parts`, each once, with its `partNumber` and `etag`.";
    throw new Refused(400, "invalid_request", sentence);
  }
  const inOrder = parts.toSorted((one, other) => one.partNumber - other.partNumber);
  const stored = await join(c, resume(c, uploadId), inOrder);
  try {
    const media = await requireTruth(c, stored);
    const name = decodeURIComponent(stored.customMetadata?.name ?? "upload");
    return uploadOf({ id: fileId(c), name, media }, stored.size);
  } catch (error) {
    if (error instanceof Refused) await c.env.BUCKET.delete(stored.key);
    throw error;
  }
}

async function join(c: Context<App>, upload: R2MultipartUpload, parts: R2UploadedPart[]): Promise<R2Object> {
  try {
    return await upload.complete(parts);
  } catch (error) {
    // Who asks again because the answer got lost finds the file there.
    const stored = storageCode(error) === NO_SUCH_UPLOAD ? await c.env.BUCKET.head(upload.key) : null;
    if (stored) return stored;
    throw explanation(error);
  }
}

/** Refuse a stored file that is not what its upload began with; what it is. */
async function requireTruth(c: Context<App>, stored: R2Object): Promise<Media> {
  const head = await c.env.BUCKET.get(stored.key, { range: { offset: 0, length: SNIFF_BYTES } });
  const media = requireKind(c, sniff(new Uint8Array((await head?.arrayBuffer()) ?? [])));
  requireSize(sizeLimits(c.env), media, stored.size);
  const said = Number(stored.customMetadata?.size);
  if (stored.size > said)
    throw tooLarge("The file is larger than it was said to be. Begin the upload again.");
  if (stored.size < said) throw incomplete("Parts of the file are missing.");
  return media;
}

/** The id was made for what the file was said to be; a picture or a video of another format will do. */
function requireKind(c: Context<App>, media: Media | null): Media {
  if (media === null || media.kind !== claimed("", fileId(c))?.kind) throw unsupported();
  return media;
}

function resume(c: Context<App>, uploadId: string | undefined): R2MultipartUpload {
  if (!uploadId) throw new Refused(400, "invalid_request", "Say the `uploadId` that the upload began with.");
  if (!isFileId(fileId(c))) throw noSuchUpload();
  return c.env.BUCKET.resumeMultipartUpload(keys.upload(fileId(c)), uploadId);
}

const fileId = (c: Context<App>): string => c.req.param("fileId") ?? "";

const NO_SUCH_UPLOAD = 10024;
/** R2's numbers for a part that is too small, missing or replaced, or of another size than the others. */
const WRONG_PARTS = [10011, 10025, 10048];

async function explained<T>(result: Promise<T>): Promise<T> {
  return result.catch((error) => {
    throw explanation(error);
  });
}

function explanation(error: unknown): unknown {
  const code = storageCode(error);
  if (code === NO_SUCH_UPLOAD) return noSuchUpload();
  if (code === null || !WRONG_PARTS.includes(code)) return error;
  return incomplete(
    "The parts do not fit: a part is missing, was replaced, or is not as large as the others.",
  );
}

function noSuchUpload(): Refused {
  const sentence = "There is no such upload: it has ended or was given up. Begin it again.";
  return new Refused(404, "upload_not_found", sentence);
}

function incomplete(sentence: string): Refused {
  return new Refused(400, "upload_incomplete", `${sentence} Send them again.`);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}

function areParts(value: unknown): value is R2UploadedPart[] {
  if (!Array.isArray(value) || !value.every(isPart)) return false;
  return value.length > 0 && new Set(value.map((part) => part.partNumber)).size === value.length;
}

function isPart(value: unknown): value is R2UploadedPart {
  const part = value as Partial<Record<string, unknown>> | null;
  return isCount(part?.partNumber) && typeof part?.etag === "string";
}
