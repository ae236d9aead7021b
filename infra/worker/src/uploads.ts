import { type Context, Hono } from "hono";
import type { components } from "../contract";
import type { App, Routes } from "./env";
import { answer, Refused } from "./errors";
import { newFileId } from "./ids";
import * as keys from "./keys";
import { requireSize, type SizeLimits, sizeLimits } from "./limits";
import { cleanName } from "./names";
import { type Media, SNIFF_BYTES, sniff } from "./sniff";

/** A file that lies in the bucket. */
export type Upload = components["schemas"]["Upload"];

/** A file that is about to be stored. */
export interface NewFile {
  id: string;
  key: string;
  name: string;
  media: Media;
  /** What is stored beside its bytes. */
  metadata: { httpMetadata: { contentType: string }; customMetadata: { name: string } };
}

/** A file in one request, as it is. */
export const routes: Routes = new Hono<App>().put("/api/uploads", async (c) => {
  const length = contentLength(c);
  const body = c.req.raw.body ?? new Uint8Array();
  return answer(c, await storeUpload(c.env.BUCKET, sizeLimits(c.env), body, length, sentName(c)), 201);
});

/**
 * Store a file of `length` bytes under an id of its own, in bounded memory; `fileName` is for people only.
 *
 * Refused: an empty file (400), one larger than its kind may be (413), one that its first bytes do not show to
 * be of a type this service takes (415), a stream that ends early (400).
 */
export async function storeUpload(
  bucket: R2Bucket,
  limits: SizeLimits,
  body: ReadableStream<Uint8Array> | Uint8Array,
  length: number,
  fileName: string,
): Promise<Upload> {
  if (length === 0) throw new Refused(400, "invalid_request", "The file is empty.");
  const parts = body instanceof Uint8Array ? { head: body, rest: null } : await behead(body);
  const file = newFile(sniff(parts.head), fileName);
  requireSize(limits, file.media, length);
  const put = (bytes: ReadableStream | Uint8Array) => bucket.put(file.key, bytes, file.metadata);
  await (parts.rest ? passOn(parts, length, put) : put(parts.head));
  return uploadOf(file, length);
}

/** Give a file an id and what is stored beside it; refused (415) if `media` is null. */
export function newFile(media: Media | null, fileName: string): NewFile {
  if (media === null) throw unsupported();
  const id = newFileId(media.extension);
  const name = cleanName(fileName);
  const metadata = {
    httpMetadata: { contentType: media.type },
    customMetadata: { name: encodeURIComponent(name) },
  };
  return { id, key: keys.upload(id), name, media, metadata };
}

/** What the sender is told of a file of `size` bytes that has been stored. */
export function uploadOf(file: Pick<NewFile, "id" | "name" | "media">, size: number): Upload {
  return {
    fileId: file.id,
    fileName: file.name,
    url: `/api/download/${file.id}`,
    size,
    type: file.media.type,
  };
}

/** A refusal of what is neither a picture nor a video that this service takes. */
export function unsupported(): Refused {
  const sentence =
    "This is no picture or video that can be used here. Send a JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC or AVIF " +
    "picture, or an MP4, MOV, 3GP, WebM, MKV, AVI, FLV, WMV or MPEG video.";
  return new Refused(415, "unsupported_media", sentence);
}

/** The length that the request gives for its body, in bytes; refused (411) if it gives none. */
export function contentLength(c: Context<App>): number {
  const text = c.req.header("Content-Length");
  if (text === undefined || !/^\d{1,15}$/.test(text)) {
    throw new Refused(411, "length_required", "Send the file's length in bytes as Content-Length.");
  }
  return Number(text);
}

function sentName(c: Context<App>): string {
  try {
    return decodeURIComponent(c.req.header("X-File-Name") ?? "");
  } catch {
    throw new Refused(400, "invalid_request", "X-File-Name must be URI-encoded.");
  }
}

/** The first bytes of a stream, at least as many as tell its type, and the rest of it. */
export async function behead(body: ReadableStream<Uint8Array>) {
  const reader = body.getReader();
  let head = new Uint8Array();
  while (head.length < SNIFF_BYTES) {
    const { done, value } = await reader.read();
    if (done) break;
    head = joined(head, value);
  }
  reader.releaseLock();
  return { head, rest: body };
}

/** Put a stream together again and hand it to R2, which takes none whose length it does not know. */
export async function passOn<T>(
  { head, rest }: { head: Uint8Array; rest: ReadableStream<Uint8Array> },
  length: number,
  take: (whole: ReadableStream) => Promise<T>,
): Promise<T> {
  const { readable, writable } = new FixedLengthStream(length);
  const send = async () => {
    const writer = writable.getWriter();
    await writer.write(head);
    writer.releaseLock();
    await rest.pipeTo(writable);
  };
  try {
    const [taken] = await Promise.all([take(readable), send()]);
    return taken;
  } catch (error) {
    // So complains the stream itself; R2's errors are of another type.
    if (!(error instanceof TypeError)) throw error;
    const sentence = "The file did not arrive as long as it was said to be. Send it again.";
    throw new Refused(400, "invalid_request", sentence);
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
