import { env } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import { newJobId } from "../src/ids";
import type { Upload } from "../src/uploads";
import { sent } from "./records";
import { call, data, FRIEND, failing, file, JPEG, MP4, PNG, refused } from "./support";

const ID = "0123456789abcdef0123456789abcdef";
const bytesOf = async (response: Response) => new Uint8Array(await response.arrayBuffer());

async function upload(bytes: Uint8Array, name = "某人 (1).png"): Promise<Upload> {
  const headers = { "X-File-Name": encodeURIComponent(name) };
  return data<Upload>(await call("/api/uploads", { method: "PUT", body: bytes, headers }), 201);
}

const get = (url: string, headers: Record<string, string> = {}, over = {}) => call(url, { headers }, over);

/** A job that has ended with this result. */
async function job(bytes: Uint8Array | string, contentType: string, extension: string, jobId = newJobId()) {
  const key = `results/${jobId}/1.${extension}`;
  await env.BUCKET.put(key, bytes, { httpMetadata: { contentType } });
  await env.BUCKET.put(`status/${jobId}.json`, JSON.stringify({ status: "completed", result: { key } }));
  return jobId;
}

test("an upload comes back as it went in, to be saved under its name and to be run nowhere", async () => {
  const picture = file(PNG, 100_000);
  const { url } = await upload(picture);
  const response = await get(url);
  expect(response.status).toBe(200);
  expect(await bytesOf(response)).toEqual(picture);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "content-type": "image/png",
    "content-length": "100000",
    "content-disposition": `attachment; filename="__ (1).png"; filename*=UTF-8''%E6%9F%90%E4%BA%BA%20%281%29.png`,
    etag: expect.stringMatching(/^"[0-9a-f]{32}"$/),
    "accept-ranges": "bytes",
    "cache-control": "private, max-age=3600, immutable",
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
  });
});

test("a name says what the bytes are, whatever it said before", async () => {
  const { url } = await upload(file(JPEG), 'x"\\..\\invoice.html');
  expect((await get(url)).headers.get("Content-Disposition")).toBe(
    `attachment; filename="invoice.jpg"; filename*=UTF-8''invoice.jpg`,
  );
});

test("a GIF that is a page and a script too stays a picture", async () => {
  const polyglot = file("GIF89a/*<html><script>alert(1)</script>*/=1;alert(1)//", 300);
  const { url, fileId, type } = await upload(polyglot, "a.html");
  expect([type, fileId.slice(-4)]).toEqual(["image/gif", ".gif"]);
  const { headers } = await get(url);
  expect(headers.get("Content-Type")).toBe("image/gif");
  expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
  expect(headers.get("Content-Security-Policy")).toMatch(/^sandbox; default-src 'none'/);
  expect(headers.get("Content-Disposition")).toMatch(/^attachment; filename="a.gif"/);
});

test.each([
  ["bytes=0-9", 0, 10],
  ["bytes=99990-", 99_990, 100_000],
  ["bytes=-10", 99_990, 100_000],
  ["bytes=50000-999999999", 50_000, 100_000],
])("%s is that piece of the file", async (range, from, to) => {
  const picture = file(PNG, 100_000);
  const response = await get((await upload(picture)).url, { Range: range });
  expect(response.status).toBe(206);
  expect(response.headers.get("Content-Range")).toBe(`bytes ${from}-${to - 1}/100000`);
  expect(response.headers.get("Content-Length")).toBe(String(to - from));
  expect(await bytesOf(response)).toEqual(picture.subarray(from, to));
});

test.each(["junk=1", "bytes=0-1,5-6", "bytes=9-1", "bytes=x-"])(
  "%s is answered with the whole file",
  async (range) => {
    const picture = file(PNG);
    const response = await get((await upload(picture)).url, { Range: range });
    expect(response.status).toBe(200);
    expect(response.headers.has("Content-Range")).toBe(false);
    expect(await bytesOf(response)).toEqual(picture);
  },
);

test("a range behind the end is refused with the file's size", async () => {
  const { url } = await upload(file(PNG));
  for (const range of ["bytes=4096-", "bytes=99999999-", "bytes=-0"]) {
    const response = await get(url, { Range: range });
    expect(response.headers.get("Content-Range")).toBe("bytes */4096");
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(await refused(response)).toEqual([416, "range_not_satisfiable"]);
  }
});

test("a range counts only for the very file that If-Range names", async () => {
  const { url } = await upload(file(PNG));
  const etag = (await get(url)).headers.get("ETag") ?? "";
  const status = async (only: string) => (await get(url, { Range: "bytes=0-9", "If-Range": only })).status;
  expect(await status(etag)).toBe(206);
  expect(await status('"another"')).toBe(200);
  expect(await status(`W/${etag}`)).toBe(200);
  expect(await status(new Date().toUTCString())).toBe(200);
});

test("what has not changed is not sent again, and what has is not sent at all", async () => {
  const { url } = await upload(file(PNG));
  const etag = (await get(url)).headers.get("ETag") ?? "";
  for (const method of ["GET", "HEAD"]) {
    const ask = (headers: Record<string, string>) => call(url, { method, headers });
    const same = await ask({ "If-None-Match": `"x", W/${etag}`, Range: "bytes=0-9" });
    expect([same.status, same.headers.get("ETag"), await same.text()]).toEqual([304, etag, ""]);
    expect((await ask({ "If-None-Match": '"x"' })).status).toBe(200);
    expect((await ask({ "If-Match": etag })).status).toBe(200);
    expect((await ask({ "If-Match": '"x"' })).status).toBe(412);
  }
  expect(await refused(await get(url, { "If-Match": '"x"' }))).toEqual([412, "precondition_failed"]);
});

test("HEAD tells all but the bytes", async () => {
  const { url } = await upload(file(PNG));
  const headers = (await get(url)).headers;
  const head = await call(url, { method: "HEAD", headers: { Range: "bytes=0-9" } });
  expect([head.status, await head.text()]).toEqual([200, ""]);
  expect(Object.fromEntries(head.headers)).toEqual(Object.fromEntries(headers));
  expect((await call(`/api/download/${ID}.png`, { method: "HEAD" })).status).toBe(404);
});

test("a job's result is found by the job's id, with any extension or none", async () => {
  const picture = file(JPEG, 5000);
  const jobId = await job(picture, "image/jpeg", "jpg");
  for (const id of [jobId, `${jobId}.jpg`, `${jobId}.png`, `${jobId}.anything`]) {
    const response = await get(`/api/download/${id}`);
    expect(response.headers.get("Content-Type")).toBe("image/jpeg");
    expect(response.headers.get("Content-Disposition")).toContain(`filename="${jobId}.jpg"`);
    expect(await bytesOf(response)).toEqual(picture);
  }
});

describe.each([
  ["poster", "image/jpeg", "jpg", JPEG],
  ["preview", "video/mp4", "mp4", MP4],
  ["sidecar", "application/c2pa", "c2pa", "\0\0\x35\xd0jumb"],
])("a video's %s", (extra, type, extension, beginning) => {
  const bytes = file(beginning, 5000);
  const url = (jobId: string) => `/api/download/${jobId}/${extra}`;
  const named = extra === "sidecar" ? "" : `-${extra}`;

  async function video(contentType = type, jobId = newJobId()): Promise<string> {
    await job(file(MP4), "video/mp4", "mp4", jobId);
    const key = `results/${jobId}/1-${extra}.${extension}`;
    await env.BUCKET.put(key, bytes, { httpMetadata: { contentType } });
    const result = { key: `results/${jobId}/1.mp4`, [extra]: key };
    await env.BUCKET.put(`status/${jobId}.json`, JSON.stringify({ status: "completed", result }));
    return jobId;
  }

  test("is sent as a result is", async () => {
    const jobId = await video();
    for (const id of [jobId, `${jobId}.mp4`]) {
      const response = await get(url(id));
      expect([response.status, await bytesOf(response)]).toEqual([200, bytes]);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        "content-type": type,
        "content-length": "5000",
        "content-disposition": expect.stringContaining(`filename="${jobId}${named}.${extension}"`),
        etag: expect.stringMatching(/^"[0-9a-f]{32}"$/),
        "accept-ranges": "bytes",
        "cache-control": "private, max-age=3600, immutable",
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
        "cross-origin-resource-policy": "same-origin",
      });
    }
    const embedded = await get(url(jobId), { Referer: `${FRIEND}/page` });
    expect(embedded.headers.get("Cross-Origin-Resource-Policy")).toBe("cross-origin");
  });

  test("is sent in pieces, once, and only if it is the one that is meant", async () => {
    const address = url(await video());
    const head = await call(address, { method: "HEAD" });
    const etag = head.headers.get("ETag") ?? "";
    expect([head.status, head.headers.get("Content-Length"), await head.text()]).toEqual([200, "5000", ""]);
    const piece = await get(address, { Range: "bytes=4000-", "If-Range": etag });
    expect([piece.status, piece.headers.get("Content-Range")]).toEqual([206, "bytes 4000-4999/5000"]);
    expect(await bytesOf(piece)).toEqual(bytes.subarray(4000));
    expect((await get(address, { "If-None-Match": etag })).status).toBe(304);
    expect(await refused(await get(address, { "If-Match": '"x"' }))).toEqual([412, "precondition_failed"]);
    const behind = await get(address, { Range: "bytes=5000-" });
    expect([behind.status, behind.headers.get("Content-Range")]).toEqual([416, "bytes */5000"]);
    expect((await call(address, { method: "POST" })).status).toBe(405);
  });

  test("is 404 where there is none, and where somebody could come upon it by guessing", async () => {
    const gone = await video();
    await env.BUCKET.delete(`results/${gone}/1-${extra}.${extension}`);
    const picture = await job(file(JPEG), "image/jpeg", "jpg");
    for (const id of [
      newJobId(),
      picture,
      gone,
      await video(type, `order-${extra}`),
      ID,
      `${ID}.mp4`,
      "..",
    ]) {
      expect(await refused(await get(url(id)))).toEqual([404, "not_found"]);
    }
  });

  test("is not sent as anything else", async () => {
    const swapped = type === "image/jpeg" ? "video/mp4" : "image/jpeg";
    for (const other of ["text/html", "image/svg+xml", swapped, ""]) {
      expect(await refused(await get(url(await video(other))))).toEqual([500, "internal"]);
    }
  });

  test("needs the token or its session where there is one", async () => {
    const address = url(await video());
    const over = { API_TOKEN: "secret" };
    expect((await get(address, {}, over)).status).toBe(401);
    expect((await get(address, { Authorization: "Bearer secret" }, over)).status).toBe(200);
    const begun = await call("/api/session", sent({ token: "secret" }), over);
    const cookie = begun.headers.get("Set-Cookie")?.split(";")[0] ?? "";
    expect((await get(address, { Cookie: cookie }, over)).status).toBe(200);
  });
});

test("a detection leaves the bucket without what identifies people, in whatever way it is asked for", async () => {
  const face = {
    face_id: "face_0",
    x: 1,
    y: 2,
    width: 3,
    height: 4,
    confidence: 0.9,
    embedding: [0.25, 0.5],
  };
  const detection = {
    version: 1,
    media: { kind: "picture", width: 9, height: 9 },
    total_faces: 1,
    faces: [face],
  };
  for (const type of ["application/json", "text/html", ""]) {
    const jobId = await job(JSON.stringify({ ...detection, identity_model: "sha256:ab" }), type, "json");
    for (const headers of [{}, { Range: "bytes=0-9999" }] as Record<string, string>[]) {
      const response = await get(`/api/download/${jobId}.json`, headers);
      const text = await response.text();
      expect([response.status, JSON.parse(text).faces[0].face_id]).toEqual([200, "face_0"]);
      expect(text).not.toMatch(/embedding|0\.25|sha256/);
    }
  }
});

test("a result that is neither a picture nor a video nor a detection is not sent", async () => {
  for (const type of ["text/html", "image/svg+xml"]) {
    const jobId = await job("<script>alert(1)</script>", type, "html");
    expect(await refused(await get(`/api/download/${jobId}`))).toEqual([500, "internal"]);
  }
});

test("without a token no job is served whose id could be guessed", async () => {
  for (const jobId of ["order-1042", "a".repeat(64), "0123456789abcdef"]) {
    await job(file(JPEG), "image/jpeg", "jpg", jobId);
    expect(await refused(await get(`/api/download/${jobId}`))).toEqual([404, "not_found"]);
    expect(await refused(await get(`/api/download/${jobId}.jpg`))).toEqual([404, "not_found"]);
    const headers = { Authorization: "Bearer secret" };
    expect((await get(`/api/download/${jobId}`, headers, { API_TOKEN: "secret" })).status).toBe(200);
  }
});

test("what is not there is 404, whatever of it is missing", async () => {
  const unfinished = newJobId();
  await env.BUCKET.put(`status/${unfinished}.json`, JSON.stringify({ status: "processing", result: null }));
  const deleted = await job(file(JPEG), "image/jpeg", "jpg");
  await env.BUCKET.delete(`results/${deleted}/1.jpg`);
  const ids = [
    ID,
    `${ID}.png`,
    unfinished,
    deleted,
    "..",
    "%2e%2e%2fstatus",
    "a%2Fb",
    "x".repeat(3000),
    "%ff",
  ];
  for (const id of ids) {
    expect(await refused(await get(`/api/download/${id}`))).toEqual([404, "not_found"]);
  }
});

test("a page of an allowed site may embed a file, others may not", async () => {
  const { url } = await upload(file(PNG));
  const policy = async (headers: Record<string, string>) =>
    (await get(url, headers)).headers.get("Cross-Origin-Resource-Policy");
  expect(await policy({})).toBe("same-origin");
  expect(await policy({ Origin: FRIEND })).toBe("cross-origin");
  expect(await policy({ Referer: `${FRIEND}/some/page` })).toBe("cross-origin");
  expect(await policy({ Origin: "https://foe.example", Referer: FRIEND })).toBe("same-origin");
  expect(await policy({ Referer: "https://friend.example.foe.example/" })).toBe("same-origin");
  expect(await policy({ Referer: "nonsense" })).toBe("same-origin");
});

test("earlier clients join their address, which ends in /api, with the url", async () => {
  const picture = file(PNG);
  const { url } = await upload(picture);
  expect(await bytesOf(await get(`/api${url}`))).toEqual(picture);
});

test("a storage that fails is not taken for a file that is missing", async () => {
  const { url } = await upload(file(PNG));
  for (const method of ["head", "get"] as const) {
    const response = await get(url, {}, { BUCKET: failing(method) });
    expect(await refused(response)).toEqual([503, "storage_unavailable"]);
  }
});
