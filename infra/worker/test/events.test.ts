import { env } from "cloudflare:test";
import { Hono } from "hono";
import { expect, test } from "vitest";
import type { App } from "../src/env";
import { eventRoutes } from "../src/events";
import { newJobId } from "../src/ids";
import * as keys from "../src/keys";
import { Queue } from "../src/queue";
import { bucket, completedWith, recorded, recordOf, told } from "./records";
import { call } from "./support";

/** Ask for events that are looked for without a pause. */
async function follow(jobId: string, polls: number, headers: Record<string, string> = {}, vars: object = {}) {
  const app = new Hono<App>().route(
    "/",
    eventRoutes(new Queue(), () => 1),
  );
  return app.request(
    `/api/status/${jobId}/events`,
    { headers },
    { ...env, ...vars, SSE_POLLS: String(polls) },
  );
}

const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;

test("a job's state comes as an event with its version, once", async () => {
  const jobId = await recorded();
  const response = await follow(jobId, 3);
  expect(response.headers.get("Content-Type")).toBe("text/event-stream");
  expect(response.headers.get("Cache-Control")).toBe("no-cache");
  const text = await response.text();
  expect(count(text, /^event: status$/gm)).toBe(1);
  expect(text).toContain("\nid: 3-c0ffee00c0ffee00\n");
  const view = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? "");
  expect(view).toMatchObject({ id: jobId, status: "processing", progress: 13 });
});

test("each look writes a line, and after so many looks the reader is asked to come back in a second", async () => {
  const text = await (await follow(await recorded(), 3)).text();
  expect(count(text, /^:$/gm)).toBe(3);
  expect(text).toMatch(/\n\nretry: 1000\n\n$/);
});

test("a job that waits costs two looks each time", async () => {
  const jobId = newJobId();
  await bucket.put(keys.manifest(jobId), "{}");
  const text = await (await follow(jobId, 6)).text();
  expect(count(text, /^:$/gm)).toBe(3);
  expect(text).toMatch(/^id: 0-\d+$/m);
});

test("what has been seen is not sent again to one who comes back", async () => {
  const text = await (await follow(await recorded(), 2, { "Last-Event-ID": "3-c0ffee00c0ffee00" })).text();
  expect(text).not.toContain("event:");
});

test("a change is told, and the stream ends with the job", async () => {
  const jobId = await recorded();
  const response = await follow(jobId, 1000);
  const reader = (response.body as ReadableStream).pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader.read()).value ?? "";
  await recorded({ ...completedWith("results/x/1-a.png"), rev: 4 }, jobId);
  for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
  expect(count(text, /^event: status$/gm)).toBe(2);
  expect(text).toMatch(/id: 4-.*\n.*"status":"completed".*\n\n$/);
});

test("a browser that comes back after the end is told to stop", async () => {
  const jobId = await recorded({ ...completedWith("results/x/1-a.png"), rev: 9, write_id: "ab" });
  const again = await follow(jobId, 5, { "Last-Event-ID": "9-ab" });
  expect(again.status).toBe(204);
  expect((await follow(jobId, 5, { "Last-Event-ID": "8-ab" })).status).toBe(200);
});

test("nothing is looked for any more once nobody reads", async () => {
  const jobId = await recorded();
  let looks = 0;
  const counting = {
    get: async () => {
      looks += 1;
      return { json: async () => recordOf(jobId) };
    },
  };
  const response = await follow(jobId, 1000, {}, { BUCKET: counting });
  const reader = (response.body as ReadableStream).getReader();
  await reader.read();
  await reader.cancel();
  const before = looks;
  await scheduler.wait(50);
  expect(looks).toBeLessThanOrEqual(before + 1);
});

test("a store that fails in between ends the stream, and the reader comes back", async () => {
  const jobId = await recorded();
  let looks = 0;
  const failing = {
    get: async () => {
      looks += 1;
      if (looks > 1) throw new Error("get: We encountered an internal error. (10001)");
      return { json: async () => recordOf(jobId) };
    },
  };
  const text = await (await follow(jobId, 1000, {}, { BUCKET: failing })).text();
  expect(count(text, /^event: status$/gm)).toBe(1);
  expect(text).toMatch(/retry: 1000\n\n$/);
});

test("there are no events of a job that is not there", async () => {
  expect(await told(await call(`/api/status/${newJobId()}/events`))).toMatchObject({ status: 404 });
});
