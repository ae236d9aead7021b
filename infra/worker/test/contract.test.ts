import { beforeAll, describe, expect, test } from "vitest";
import { withoutIdentities } from "../src/detection";
import { isFileId, isJobId } from "../src/ids";
import * as keys from "../src/keys";
import { filesOf, type Manifest } from "../src/manifest";
import type { Status } from "../src/records";
import { type StatusView, viewOf } from "../src/view";
import badManifests from "./contract/bad_manifests.json";
import detections from "./contract/detections.json";
import keyCases from "./contract/keys.json";
import manifests from "./contract/manifests.json";
import views from "./contract/views.json";
import { bucket, sent, stored, told } from "./records";
import { call, data } from "./support";

/** The cases that the consumer's tests share (tests/contract/test_cases.py), each through the whole Worker. */
const process = (request: { type: string; body: unknown }, consent = false) =>
  call(`/api/process/${request.type}`, sent(request.body), { REQUIRE_CONSENT: String(consent) });

describe("a request is this manifest", () => {
  beforeAll(async () => {
    const files = new Set(
      manifests.flatMap(({ manifest }) => filesOf(manifest as unknown as Manifest).map(({ file }) => file)),
    );
    const uploads = [...files].filter((file) => file.startsWith(keys.UPLOADS));
    await Promise.all(uploads.map((key) => bucket.put(key, "bytes")));
  });

  test.each(manifests)("$name", async ({ request, manifest }) => {
    const { jobId } = await data<{ jobId: string }>(await process(request), 202);
    expect(await stored(keys.manifest(jobId))).toEqual({ ...manifest, job_id: jobId });
  });
});

describe("a request is refused", () => {
  test.each(badManifests)("$name", async ({ request, require_consent, status, code, says }) => {
    const refusal = await told(await process(request, require_consent));
    expect(refusal).toMatchObject({ status, code });
    expect(refusal.error).toContain(says);
  });
});

describe("a job is shown", () => {
  test.each(views.filter(({ record }) => record))("$name", async ({ record, view }) => {
    await bucket.put(keys.status(view.job_id), JSON.stringify(record));
    const response = await call(`/api/status/${view.job_id}`);
    expect(response.headers.get("ETag")).toBe(`"${view.rev}-${view.write_id}"`);
    expect(await data<StatusView>(response)).toEqual(view);
  });

  test.each(views.filter(({ record }) => !record))("$name", ({ inbox, view }) => {
    const customMetadata: Record<string, string> = inbox?.type ? { type: inbox.type } : {};
    const announced = { uploaded: new Date(inbox?.uploaded ?? ""), customMetadata } as R2Object;
    expect(viewOf(view.job_id, { announced }, inbox?.ahead)).toEqual(view);
  });

  test("in every state that a record may have", () => {
    const shown = views.flatMap(({ record }) => (record ? (record.status as Status["status"]) : []));
    expect(new Set(shown).size).toBe(5);
  });
});

describe("a detection is shown", () => {
  test.each(detections)("$name", ({ job_id, key, detection, view }) => {
    expect(withoutIdentities(job_id, key, detection as never)).toEqual(view);
  });
});

describe("keys", () => {
  test.each([
    [keyCases.manifest, keys.manifest],
    [keyCases.status, keys.status],
    [keyCases.cancel, keys.cancel],
    [keyCases.upload, keys.upload],
    [keyCases.idempotency, keys.idempotency],
  ])("as %j", (cases, keyOf) => {
    for (const { id, key } of cases) expect(keyOf(id)).toBe(key);
  });

  test.each([
    ["job_ids", isJobId],
    ["file_ids", isFileId],
    ["secret_results", keys.isSecretResult],
  ] as const)("%s", (kind, is) => {
    expect(keyCases[kind].valid.filter((text) => !is(text))).toEqual([]);
    expect(keyCases[kind].invalid.filter(is)).toEqual([]);
  });
});
