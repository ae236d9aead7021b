import { env } from "cloudflare:test";
import { expect, test } from "vitest";
import type { components } from "../contract";
import type { Upload } from "../src/uploads";
import { call, data, failing, file, MP4, PNG, refused } from "./support";

type Begun = components["schemas"]["UploadBegun"];
type Part = components["schemas"]["UploadedPart"];

const MIB = 2 ** 20;
/** The smallest that R2 takes; the service asks for 10 MiB. */
const PART = 5 * MIB;

const post = (path: string, body: unknown, over = {}) =>
  call(path, { method: "POST", body: JSON.stringify(body) }, over);

const begin = async (plan: object, over = {}) => data<Begun>(await post("/api/uploads", plan, over), 201);

const putPart = ({ fileId, uploadId }: Begun, n: number | string, body: Uint8Array, over = {}) =>
  call(
    `/api/uploads/${fileId}/parts/${n}?uploadId=${encodeURIComponent(uploadId)}`,
    { method: "PUT", body },
    over,
  );

const complete = ({ fileId, uploadId }: Begun, parts: Part[], over = {}) =>
  post(`/api/uploads/${fileId}/complete`, { uploadId, parts }, over);

/** Send a file in parts of `PART` bytes. */
async function send(begun: Begun, bytes: Uint8Array): Promise<Part[]> {
  const parts: Part[] = [];
  for (let at = 0; at < bytes.length; at += PART) {
    parts.push(await data<Part>(await putPart(begun, parts.length + 1, bytes.subarray(at, at + PART))));
  }
  return parts;
}

const plan = (size: number, fileName = "录像.mp4", type = "video/mp4") => ({ fileName, size, type });

test("a file in parts comes out as it went in, in whichever order they are told", async () => {
  const video = file(MP4, 2 * PART + 1000);
  const begun = await begin(plan(video.length));
  expect(begun.fileId).toMatch(/^[0-9a-f]{32}\.mp4$/);
  const parts = await send(begun, video);
  const upload = await data<Upload>(await complete(begun, parts.toReversed()), 201);
  expect(upload).toEqual({
    fileId: begun.fileId,
    fileName: "录像.mp4",
    url: `/api/download/${begun.fileId}`,
    size: video.length,
    type: "video/mp4",
  });
  const stored = await env.BUCKET.get(`uploads/${begun.fileId}`);
  const digest = (bytes: BufferSource) => crypto.subtle.digest("SHA-256", bytes);
  expect(await digest((await stored?.arrayBuffer()) ?? new ArrayBuffer())).toEqual(await digest(video));
  expect(stored?.httpMetadata?.contentType).toBe("video/mp4");
});

test("parts are as large as it takes for a file to have no more than ten thousand", async () => {
  const limits = { MAX_VIDEO_BYTES: "1000000000000" };
  expect((await begin(plan(5))).partSize).toBe(10 * MIB);
  expect((await begin(plan(10_000 * 10 * MIB), limits)).partSize).toBe(10 * MIB);
  expect((await begin(plan(10_000 * 10 * MIB + 1), limits)).partSize).toBe(11 * MIB);
});

test("an upload is begun only for what could be taken", async () => {
  const codes = async (body: unknown) => refused(await post("/api/uploads", body));
  expect(await codes(plan(2_000_000_001))).toEqual([413, "input_too_large"]);
  expect(await codes(plan(50_000_001, "a.png", "image/png"))).toEqual([413, "input_too_large"]);
  expect(await codes(plan(5, "a.pdf", "application/pdf"))).toEqual([415, "unsupported_media"]);
  expect(await codes(plan(5, "a", ""))).toEqual([415, "unsupported_media"]);
  for (const wrong of [plan(0), plan(-1), plan(1.5), { ...plan(5), size: "5" }, { size: 5 }, {}, [], null]) {
    expect(await codes(wrong)).toEqual([400, "invalid_request"]);
  }
  const broken = await call("/api/uploads", { method: "POST", body: "{" });
  expect(await refused(broken)).toEqual([400, "invalid_request"]);
  const long = await call("/api/uploads", { method: "POST", body: `"${"x".repeat(1 << 20)}"` });
  expect(await refused(long)).toEqual([413, "input_too_large"]);
});

test("where a browser knows no type, the name tells what the file is thought to be", async () => {
  expect((await begin(plan(5, "a.MKV", ""))).fileId).toMatch(/\.mkv$/);
  expect((await begin(plan(5, "a.heif", "application/octet-stream"))).fileId).toMatch(/\.heic$/);
});

test("a file of another kind than it was said to be is refused with its first part", async () => {
  const begun = await begin(plan(5000));
  expect(await refused(await putPart(begun, 1, file("<html>")))).toEqual([415, "unsupported_media"]);
  expect(await refused(await putPart(begun, 1, file(PNG)))).toEqual([415, "unsupported_media"]);
  expect((await putPart(begun, 1, file("\x1a\x45\xdf\xa3"))).status).toBe(200);
});

test("a file that turns out to be another kind is deleted", async () => {
  const begun = await begin(plan(4096));
  const upload = env.BUCKET.resumeMultipartUpload(`uploads/${begun.fileId}`, begun.uploadId);
  const part = await upload.uploadPart(1, file("<html>", 4096));
  expect(await refused(await complete(begun, [part]))).toEqual([415, "unsupported_media"]);
  expect(await env.BUCKET.head(`uploads/${begun.fileId}`)).toBeNull();
});

test("a video of another format than it was said to be is told as what it is", async () => {
  const begun = await begin(plan(4096));
  const parts = await send(begun, file("\x1a\x45\xdf\xa3", 4096));
  expect(await data<Upload>(await complete(begun, parts), 201)).toMatchObject({ type: "video/x-matroska" });
});

test.each([
  [5000, 413, "input_too_large"],
  [4000, 400, "upload_incomplete"],
])("a file of %i bytes that was said to have 4096 is deleted", async (size, status, code) => {
  const begun = await begin(plan(4096));
  const parts = await send(begun, file(MP4, size));
  expect(await refused(await complete(begun, parts))).toEqual([status, code]);
  expect(await env.BUCKET.head(`uploads/${begun.fileId}`)).toBeNull();
});

test("parts that do not fit are refused and can be sent again", async () => {
  const video = file(MP4, 2 * PART + 1000);
  const begun = await begin(plan(video.length));
  const parts = await send(begun, video);
  const [first, second, third] = parts as [Part, Part, Part];
  const incomplete = [400, "upload_incomplete"];
  const wrongEtag = { partNumber: 2, etag: "0123456789abcdef0123456789abcdef" };
  expect(await refused(await complete(begun, [first, wrongEtag, third]))).toEqual(incomplete);
  expect(await refused(await complete(begun, [first, second, { ...third, partNumber: 4 }]))).toEqual(
    incomplete,
  );
  const smaller = await data<Part>(await putPart(begun, 2, video.subarray(PART, 2 * PART - 1)));
  expect(await refused(await complete(begun, [first, second, third]))).toEqual(incomplete);
  expect(await refused(await complete(begun, [first, smaller, third]))).toEqual(incomplete);
  const again = await data<Part>(await putPart(begun, 2, video.subarray(PART, 2 * PART)));
  expect((await complete(begun, [first, again, third])).status).toBe(201);
});

test("what cannot be a list of parts is refused", async () => {
  const begun = await begin(plan(4096));
  const part = { partNumber: 1, etag: "a" };
  const wrong = [{}, { uploadId: begun.uploadId }, { uploadId: begun.uploadId, parts: [] }, { parts: [] }];
  const entries = [
    { partNumber: 0, etag: "a" },
    { partNumber: 1 },
    { partNumber: "1", etag: "a" },
    null,
    "1",
  ];
  const twice = { uploadId: begun.uploadId, parts: [part, part] };
  for (const body of [
    twice,
    ...wrong,
    ...entries.map((entry) => ({ uploadId: begun.uploadId, parts: [entry] })),
  ]) {
    const response = await post(`/api/uploads/${begun.fileId}/complete`, body);
    expect(await refused(response)).toEqual([400, "invalid_request"]);
  }
});

test("a part has a number, a length and an upload it belongs to", async () => {
  const begun = await begin(plan(4096));
  for (const n of ["0", "10001", "x", "1.5", "-1"]) {
    expect(await refused(await putPart(begun, n, file(MP4)))).toEqual([400, "invalid_request"]);
  }
  expect(await refused(await putPart(begun, 1, new Uint8Array()))).toEqual([400, "invalid_request"]);
  const path = `/api/uploads/${begun.fileId}/parts/1`;
  expect(await refused(await call(path, { method: "PUT", body: file(MP4) }))).toEqual([
    400,
    "invalid_request",
  ]);
  const stream = new Blob([file(MP4)]).stream();
  const streamed = await call(`${path}?uploadId=${begun.uploadId}`, { method: "PUT", body: stream });
  expect(await refused(streamed)).toEqual([411, "length_required"]);
  const headers = { "Content-Length": String(10 * MIB + 1) };
  const long = { method: "PUT", body: file(MP4), headers };
  expect(await refused(await call(`${path}?uploadId=${begun.uploadId}`, long))).toEqual([
    413,
    "input_too_large",
  ]);
});

test("an upload that is not there is named so", async () => {
  const begun = await begin(plan(4096));
  for (const nowhere of [
    { ...begun, uploadId: "nowhere" },
    { ...begun, fileId: "etc" },
  ]) {
    expect(await refused(await putPart(nowhere, 1, file(MP4)))).toEqual([404, "upload_not_found"]);
  }
  const ending = await complete({ ...begun, fileId: "etc" }, [{ partNumber: 1, etag: "a" }]);
  expect(await refused(ending)).toEqual([404, "upload_not_found"]);
});

test("an upload that has ended takes no part, and ending it again gives the same answer", async () => {
  const begun = await begin(plan(4096));
  const parts = await send(begun, file(MP4, 4096));
  const first = await data<Upload>(await complete(begun, parts), 201);
  expect(await data<Upload>(await complete(begun, parts), 201)).toEqual(first);
  expect(await refused(await putPart(begun, 1, file(MP4)))).toEqual([404, "upload_not_found"]);
});

test("an upload can be given up, and given up again", async () => {
  const begun = await begin(plan(4096));
  const parts = await send(begun, file(MP4, 4096));
  const path = `/api/uploads/${begun.fileId}?uploadId=${encodeURIComponent(begun.uploadId)}`;
  for (const _ of [1, 2]) expect((await call(path, { method: "DELETE" })).status).toBe(204);
  expect(await refused(await complete(begun, parts))).toEqual([404, "upload_not_found"]);
  const nameless = await call(`/api/uploads/${begun.fileId}`, { method: "DELETE" });
  expect(await refused(nameless)).toEqual([400, "invalid_request"]);
});

test("a storage that fails is no fault of the sender's", async () => {
  const over = { BUCKET: failing("createMultipartUpload") };
  expect(await refused(await post("/api/uploads", plan(5), over))).toEqual([503, "storage_unavailable"]);
});
