import type { Context } from "hono";
import { Refused } from "./errors";
import { type Fields, isObject } from "./spelling";

/** A thousand mappings to uploads have 60 kB. */
const MAX_BYTES = 1 << 20;

/** The JSON object that a request holds; refuses with `invalid_request` or `input_too_large`. */
export async function readObject(c: Context): Promise<Fields> {
  const length = Number(c.req.header("Content-Length") ?? 0);
  const body = length > MAX_BYTES ? null : await c.req.arrayBuffer();
  if (body === null || body.byteLength > MAX_BYTES) {
    const message = "What is asked for may have 1 MiB; send pictures to PUT /api/uploads and name their fileId.";
    throw new Refused(413, "input_too_large", message);
  }
  const document = parsed(new TextDecoder().decode(body));
  if (isObject(document)) return document;
  throw new Refused(400, "invalid_request", "The body must be a JSON object.");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
