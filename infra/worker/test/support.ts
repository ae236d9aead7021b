import { env } from "cloudflare:test";
import type { Bindings } from "../src/env";
import app from "../src/index";

/** An origin that `call` allows to other sites. */
export const FRIEND = "https://friend.example";

/** Ask the whole application, as it is configured but for `over`; a body of known length says how long it is. */
export async function call(
  path: string,
  init: RequestInit = {},
  over: Partial<Bindings> = {},
): Promise<Response> {
  const headers = new Headers(init.headers);
  const length = lengthOf(init.body);
  if (length !== null && !headers.has("Content-Length")) headers.set("Content-Length", String(length));
  const bindings: Bindings = { ...env, ALLOWED_ORIGINS: FRIEND, ...over };
  return app.request(path, { ...init, headers }, bindings);
}

function lengthOf(body: RequestInit["body"]): number | null {
  if (body instanceof Uint8Array) return body.length;
  return typeof body === "string" ? new TextEncoder().encode(body).length : null;
}

/** The status and the code of a refusal. */
export async function refused(response: Response): Promise<[number, string]> {
  const { success, error, code } = await response.json<{ success: boolean; error: string; code: string }>();
  if (success || !error.endsWith(".")) throw new Error(`no refusal, or without a sentence: ${error}`);
  return [response.status, code];
}

/** The data of an answer that has this status. */
export async function data<T>(response: Response, status = 200): Promise<T> {
  const text = await response.text();
  if (response.status !== status) throw new Error(`${response.status} instead of ${status}: ${text}`);
  return (JSON.parse(text) as { data: T }).data;
}

/** The beginning of a file, each character one byte, filled up to `size` bytes that look random and never repeat. */
export function file(beginning: string, size = 4096): Uint8Array<ArrayBuffer> {
  const bytes = noise(size);
  bytes.set([...beginning].map((character) => character.charCodeAt(0)));
  return bytes;
}

export const PNG = "\x89PNG\r\n\x1a\n";
export const JPEG = "\xff\xd8\xff\xe0";
export const MP4 = "\0\0\0\x18ftypisom\0\0\x02\0isommp41";

/** A bucket whose calls of `method` fail as R2's do. */
export function failing(method: keyof R2Bucket): R2Bucket {
  return new Proxy(env.BUCKET, {
    get(bucket, name) {
      if (name === method)
        return () => Promise.reject(new Error(`${method}: We encountered an internal error. (10001)`));
      const value = Reflect.get(bucket, name);
      return typeof value === "function" ? value.bind(bucket) : value;
    },
  });
}

/** The same bytes each time (xorshift). */
function noise(size: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = 2463534242;
  for (let at = 0; at < words.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  return new Uint8Array(words.buffer).subarray(0, size);
}
