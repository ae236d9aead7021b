import { Hono } from "hono";
import { readObject } from "./body";
import type { App, Routes } from "./env";
import { answer, Refused } from "./errors";
import { modern } from "./legacy";
import { readManifest } from "./manifest";
import { submit } from "./submit";

const IDEMPOTENCY_KEY = /^[\x20-\x7e]{1,255}$/;

/** Sending jobs. */
export const jobRoutes: Routes = new Hono<App>().post("/api/process/:type", async (c) => {
  const word = c.req.header("Idempotency-Key");
  if (word !== undefined && !IDEMPOTENCY_KEY.test(word)) {
    const message = "An Idempotency-Key has 1 to 255 printable ASCII characters.";
    throw new Refused(400, "invalid_request", message);
  }
  const type = c.req.param("type");
  const document = modern(await readObject(c), type);
  const manifest = readManifest(document, type, Boolean(c.env.API_TOKEN));
  return answer(c, { jobId: await submit(c.env, manifest, word && `key ${word}`) }, 202);
});
