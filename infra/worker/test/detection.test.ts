import { env } from "cloudflare:test";
import { Hono } from "hono";
import { expect, test } from "vitest";
import { detectionRoutes } from "../src/detection";
import type { App } from "../src/env";
import { refusal } from "../src/errors";
import * as keys from "../src/keys";
import type { Status } from "../src/records";
import { bucket, completedWith, recorded, sent, stored, told, uploaded } from "./records";
import { call, data } from "./support";

const FACE = {
  face_id: "face_0",
  x: 10,
  y: 12,
  width: 40,
  height: 50,
  confidence: 0.9,
  kps: [1, 2, 3, 4, 5].map((n) => [n, n]),
  center_x: 30,
  center_y: 37,
  position_description: "left",
  preview: "data:image/jpeg;base64,AAAA",
};
const MEDIA = { kind: "picture", width: 100, height: 80 };

/** Ask with less patience than the service has. */
async function detect(body: unknown, waits: { asyncMs?: number; syncMs?: number } = {}, headers = {}) {
  const patience = { asyncMs: 0, syncMs: 0, ...waits };
  const app = new Hono<App>().route("/", detectionRoutes(patience)).onError((error, c) => refusal(c, error));
  return app.request("/api/detect-faces", sent(body, headers), env);
}

/** Begin a detection and return its job. */
async function begun(fileId: string): Promise<string> {
  const response = await detect({ fileId }, {}, { Prefer: "respond-async" });
  return (await data<{ jobId: string }>(response, 202)).jobId;
}

/** A consumer finds these faces. */
async function found(jobId: string, faces: object[]): Promise<string> {
  const key = `results/${jobId}/1-mzxw6ytboi5gk43umzxw6ytb.json`;
  const detection = {
    version: 1,
    media: MEDIA,
    total_faces: faces.length,
    faces,
    identity_model: "sha256:ab",
  };
  await bucket.put(key, JSON.stringify(detection));
  await recorded(completedWith(key, "application/json"), jobId);
  return key;
}

test("a detection is a job like any other, and comes back without what identifies people", async () => {
  const fileId = await uploaded();
  const jobId = await begun(fileId);
  expect(await stored(keys.manifest(jobId))).toEqual({
    version: 1,
    process_type: "detect-faces",
    target: `uploads/${fileId}`,
    job_id: jobId,
  });
  const key = await found(jobId, [
    { ...FACE, embedding: [0.25, 0.5], latent: [0.75], track: { first_s: 0, last_s: 2 } },
  ]);
  const response = await detect({ fileId }, { syncMs: 1000 });
  expect(await data(response)).toEqual({
    version: 1,
    media: MEDIA,
    total_faces: 1,
    faces: [{ id: "face_0", ...FACE, track: { first_s: 0, last_s: 2 } }],
    jobId,
    detection: key,
  });
});

test("it is waited for", async () => {
  const fileId = await uploaded();
  const jobId = await begun(fileId);
  const [response] = await Promise.all([detect({ fileId }, { syncMs: 10_000 }), found(jobId, [])]);
  expect(response.status).toBe(200);
});

test("no face is an empty list", async () => {
  const fileId = await uploaded();
  await found(await begun(fileId), []);
  const response = await detect({ fileId });
  expect(await data(response)).toMatchObject({ total_faces: 0, faces: [] });
});

test("whoever may follow the job is told its id after a while, and anybody else to come back", async () => {
  const fileId = await uploaded();
  const later = await detect({ fileId }, {}, { Prefer: "wait=25, respond-async" });
  const { jobId } = await data<{ jobId: string }>(later, 202);
  const response = await detect({ fileId });
  expect(response.headers.get("Retry-After")).toBe("5");
  expect(await told(response)).toMatchObject({ status: 504, code: "detection_timeout" });
  expect(await begun(fileId)).toBe(jobId);
});

test.each<[Partial<Status>, number, string]>([
  [
    { error: { code: "media_corrupt", message: "Damaged.", retryable: false, attempts: [] } },
    422,
    "media_corrupt",
  ],
  [{ status: "cancelled" }, 409, "already_ended"],
])(
  "a detection that came to nothing says so, and begins anew when it is asked for again",
  async (end, status, code) => {
    const fileId = await uploaded();
    const jobId = await begun(fileId);
    const [response] = await Promise.all([
      detect({ fileId }, { syncMs: 10_000 }),
      scheduler.wait(100).then(() => recorded({ status: "failed", manifest: null, ...end }, jobId)),
    ]);
    expect(await told(response)).toMatchObject({ status, code });
    expect(await begun(fileId)).not.toBe(jobId);
  },
);

test.each([[{}], [{ fileId: "" }], [{ fileId: 7 }], [{ fileId: "../x" }], [{ fileId: "me.png" }]])(
  "%j is no file",
  async (body) => {
    const refused = await told(await call("/api/detect-faces", sent(body)));
    expect(refused).toMatchObject({ status: 400, code: "invalid_request" });
    expect(refused.error).toMatch(/^No file ID/);
  },
);

test("an upload that is not there is not looked for", async () => {
  const fileId = "0123456789abcdef0123456789abcdef.png";
  const refused = await told(await call("/api/detect-faces", sent({ fileId })));
  expect(refused).toMatchObject({ status: 404, code: "upload_not_found" });
});
