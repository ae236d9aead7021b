import { describe, expect, test } from "vitest";
import { newJobId } from "../src/ids";
import * as keys from "../src/keys";
import type { Status } from "../src/records";
import { bucket, completedWith, recorded, recordOf, stored, told } from "./records";
import { call, data } from "./support";

const cancel = (jobId: string, vars = {}) => call(`/api/cancel/${jobId}`, { method: "POST" }, vars);

test("a job that waits or is worked on gets the mark its consumer looks for", async () => {
  const waits = newJobId();
  await bucket.put(keys.manifest(waits), "{}");
  const runs = await recorded();
  await bucket.put(keys.manifest(runs), "{}");
  for (const jobId of [waits, runs]) {
    const response = await cancel(jobId);
    expect(await data(response, 202)).toEqual({ message: "The job has been asked to stop." });
    expect(await bucket.head(keys.cancel(jobId))).not.toBeNull();
    expect(await stored(keys.manifest(jobId))).toEqual({});
  }
});

test.each(["completed", "failed", "cancelled"] as const)("a job that is %s stays so", async (status) => {
  const jobId = await recorded({ ...completedWith("results/x/1-a.png"), status });
  const refused = await told(await cancel(jobId));
  expect(refused).toMatchObject({ status: 409, code: "already_ended" });
  expect(refused.error).toContain(status);
  expect(await bucket.head(keys.cancel(jobId))).toBeNull();
});

test("a job that is not there, or may not be told of, gets no mark", async () => {
  await recorded({}, "order-77");
  const puzzle = await recorded({
    status: "pending",
    manifest: null,
    warnings: [{ code: "not_understood", message: "What is me.png for?" }],
  });
  for (const jobId of [newJobId(), "order-77", puzzle]) {
    expect(await told(await cancel(jobId))).toMatchObject({ status: 404, code: "not_found" });
    expect(await bucket.head(keys.cancel(jobId))).toBeNull();
  }
});

describe("a job that has begun and that nothing leads to", () => {
  test.each<[string, Partial<Status>]>([
    ["whose consumer has died", {}],
    [
      "that waits for another attempt",
      { status: "pending", lease: null, not_before: "2999-01-01T00:00:00.000Z" },
    ],
    ["that was not understood", { manifest: null }],
    [
      "whose pictures were sent within it",
      { manifest: { ...recordOf("x").manifest, source: "(5000 characters, not kept, 0badcafe)" } },
    ],
  ])("is announced again, as its record tells it: one %s", async (_, changes) => {
    const jobId = await recorded(changes);
    expect((await cancel(jobId)).status).toBe(202);
    expect(await bucket.head(keys.cancel(jobId))).not.toBeNull();
    expect(await stored(keys.manifest(jobId))).toEqual({
      ...recordOf(jobId, changes).manifest,
      job_id: jobId,
    });
  });

  test("is left to consumers where its manifest is of another version", async () => {
    const jobId = await recorded({ manifest: { version: 2, what: "swap" } });
    expect((await cancel(jobId)).status).toBe(202);
    expect(await bucket.head(keys.manifest(jobId))).toBeNull();
  });

  test("is not announced where it ends while it is asked to stop", async () => {
    const jobId = newJobId();
    const puts: string[] = [];
    let looks = 0;
    const racing = {
      get: async () => ({ json: async () => recordOf(jobId, looks++ ? { status: "cancelled" } : {}) }),
      head: async () => null,
      put: async (key: string) => puts.push(key),
    };
    expect((await cancel(jobId, { BUCKET: racing })).status).toBe(202);
    expect(puts).toEqual([keys.cancel(jobId)]);
  });
});
