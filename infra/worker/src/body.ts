import type { Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { App } from "./env";
import { Refused } from "./errors";
import { readJson, tooLarge } from "./limits";
import { type Fields, isObject } from "./spelling";

/** A thousand mappings to uploads have 60 kB. */
const MAX_BYTES = 1_000_000;

/** Let no request through that holds more than words about a job. */
export const limitManifest = bodyLimit({
  maxSize: MAX_BYTES,
  onError: () => {
    throw tooLarge("A job may have at most 1 MB; send pictures to PUT /api/uploads and name their fileId.");
  },
});

/** The JSON object that a request holds; refused (400) where it is none. */
export async function readObject(c: Context<App>): Promise<Fields> {
  const body = await readJson(c);
  if (isObject(body)) return body;
  throw new Refused(400, "invalid_request", "The body must be a JSON object.");
}
