import type { Context } from "hono";
import { Refused } from "./errors";
import { type Fields, isObject } from "./spelling";

/** A thousand mappings to uploads have 60 kB. */
const MAX_BYTES = 1_000_000;

/** The JSON object that a request holds; refused where it is none (400) or too large to be words only (413). */
export async function readObject(c: Context): Promise<Fields> {
  const document = parsed(await readText(c));
  if (isObject(document)) return document;
  throw new Refused(400, "invalid_request", "The body must be a JSON object.");
}

async function readText(c: Context): Promise<string> {
  if (Number(c.req.header("Content-Length") ?? 0) > MAX_BYTES) throw tooLarge();
  const decoder = new TextDecoder();
  let [text, size] = ["", 0];
  // Left open when too much comes, so that it can be heard out: a client that is cut off hears of no refusal.
  const chunks = c.req.raw.body?.values({ preventCancel: true }) ?? [];
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > MAX_BYTES) throw tooLarge();
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function tooLarge(): Refused {
  const sentence = "This may have at most 1 MB; send pictures to PUT /api/uploads and name their fileId.";
  return new Refused(413, "input_too_large", sentence);
}
