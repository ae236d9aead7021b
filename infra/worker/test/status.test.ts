import { expect, test } from "vitest";
import { newJobId } from "../src/ids";
import * as keys from "../src/keys";
import { Queue } from "../src/queue";
import { find, type Status } from "../src/records";
import type { StatusView } from "../src/view";
import { bucket, completedWith, recorded, recordOf, told } from "./records";
import { call, data } from "./support";

test("a record is shown less its lease and manifest, with what earlier clients read", async () => {
  const jobId = await recorded();
  const response = await call(`/api/status/${jobId}`);
  expect(response.headers.get("Cache-Control")).toBe("no-cache");
  const { lease: _lease, manifest: _manifest, ...rest } = recordOf(jobId);
  expect(await data(response)).toEqual({
    ...rest,
    id: jobId,
    type: "single-image",
    progress: 13,
    progress_detail: {
      done: 120,
      total: 900,
      unit: "frames",
      percent: 13,
      fps: null,
      left_s: null,
      segments: null,
    },
    result_url: null,
    poster_url: null,
    preview_url: null,
    sidecar_url: null,
    error_message: null,
  });
});

test("what a later consumer adds to its records is passed on", async () => {
  const jobId = await recorded({ colour: "green" } as object);
  expect(await data(await call(`/api/status/${jobId}`))).toMatchObject({ colour: "green" });
});

test("a completed job's result has an address with its extension", async () => {
  const jobId = await recorded(completedWith("results/x/1-mzxw6ytboi5gk43umzxw6ytb.webp"));
  const view = await data(await call(`/api/status/${jobId}`));
  expect(view).toMatchObject({ progress: 100, result_url: `/api/download/${jobId}.webp` });
});

test("a video's result has the addresses of its poster, its preview and its signature beside it", async () => {
  const done = completedWith("results/x/1-mzxw6ytboi5gk43umzxw6ytb.mp4", "video/mp4");
  const extras = { poster: "results/x/1-a.jpg", preview: "results/x/1-b.mp4", sidecar: "results/x/1-c.c2pa" };
  const result = { ...done.result, ...extras } as Status["result"];
  const jobId = await recorded({ ...done, result });
  expect(await data(await call(`/api/status/${jobId}`))).toMatchObject({
    poster_url: `/api/download/${jobId}/poster`,
    preview_url: `/api/download/${jobId}/preview`,
    sidecar_url: `/api/download/${jobId}/sidecar`,
  });
});

test("a failed job's sentence is told, that of an attempt which is followed by another is not an end", async () => {
  const error = { code: "no_face_in_source" as const, message: "No face.", retryable: false, attempts: [] };
  const failed = await recorded({ status: "failed", error });
  expect(await data(await call(`/api/status/${failed}`))).toMatchObject({ error_message: "No face." });
  const waits = await recorded({ status: "pending", error: { ...error, retryable: true } });
  expect(await data(await call(`/api/status/${waits}`))).toMatchObject({ error_message: null });
});

test("a job whose manifest was not understood has no type", async () => {
  const jobId = await recorded({ manifest: null });
  expect(await data(await call(`/api/status/${jobId}`))).toMatchObject({ type: null });
});

test("nothing new costs no body, however the version is quoted", async () => {
  const jobId = await recorded();
  const etag = (await call(`/api/status/${jobId}`)).headers.get("ETag");
  expect(etag).toBe('"3-c0ffee00c0ffee00"');
  for (const known of [etag, `W/${etag}`, `"1-a", ${etag}`, "*"]) {
    const response = await call(`/api/status/${jobId}`, { headers: { "If-None-Match": String(known) } });
    expect([response.status, response.headers.get("ETag")]).toEqual([304, etag]);
    expect(await response.text()).toBe("");
  }
  const changed = await call(`/api/status/${jobId}`, {
    headers: { "If-None-Match": '"2-c0ffee00c0ffee00"' },
  });
  expect(changed.status).toBe(200);
});

test("a job that nobody has begun with is pending and told its place in line", async () => {
  const jobId = newJobId();
  await bucket.put(keys.manifest(jobId), "{}", { customMetadata: { type: "multi-image" } });
  const response = await call(`/api/status/${jobId}`);
  const view = await data<StatusView>(response);
  expect(view).toMatchObject({
    status: "pending",
    stage: "queued",
    rev: 0,
    type: "multi-image",
    progress: 0,
  });
  const { ahead } = view.queue ?? {};
  expect(response.headers.get("ETag")).toBe(`"0-${ahead}"`);
});

test("jobs before one are counted once each, and the inbox is listed once in five seconds", async () => {
  const looks: unknown[] = [];
  const objects = ["0a/source.png", "0a/target.png", "0b.json", "1.json", "2.json"].map((name) => ({
    key: `inbox/${name}`,
  }));
  const listing = { list: async (options: unknown) => looks.push(options) && { objects } };
  const queue = new Queue();
  expect(await queue.ahead(listing as never, "2")).toBe(3);
  expect(await queue.ahead(listing as never, "1")).toBe(2);
  expect(await queue.ahead(listing as never, "0")).toBe(0);
  expect(looks).toHaveLength(1);
});

test("a job that ends between the two looks is found", async () => {
  const jobId = newJobId();
  const ended = { ...recordOf(jobId), status: "completed" };
  let looks = 0;
  const racing = {
    get: async () => (looks++ === 0 ? null : { json: async () => ended }),
    head: async () => null,
  };
  expect(await find(racing as never, jobId)).toEqual({ record: ended });
});

test("no job is told of that is not there, or that somebody could come upon by guessing", async () => {
  await recorded({}, "order-1042");
  for (const jobId of [newJobId(), "order-1042", "..%2Fx", "a".repeat(65)]) {
    const response = await call(`/api/status/${jobId}`);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(await told(response)).toMatchObject({ status: 404, code: "not_found" });
  }
});

test("with a token any job may be asked for, and without one a job that is done again", async () => {
  await recorded({}, "order-1043");
  const authorized = { headers: { Authorization: "Bearer secret" } };
  expect((await call("/api/status/order-1043", authorized, { API_TOKEN: "secret" })).status).toBe(200);
  const again = await recorded({}, `${newJobId()}-retry-0badcafe`);
  expect((await call(`/api/status/${again}`)).status).toBe(200);
});
