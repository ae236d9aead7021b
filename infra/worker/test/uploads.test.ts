import { env } from "cloudflare:test";
import { expect, test } from "vitest";
import { storeUpload, type Upload } from "../src/uploads";
import { call, data, failing, file, JPEG, MP4, PNG, refused } from "./support";

const put = (body: Uint8Array, headers: Record<string, string> = {}, over = {}) =>
  call("/api/uploads", { method: "PUT", body, headers }, over);

test("a picture is stored as it is, under an id with the extension of its bytes", async () => {
  const picture = file(PNG, 200_000);
  const name = "某人 & co.JPG";
  const upload = await data<Upload>(await put(picture, { "X-File-Name": encodeURIComponent(name) }), 201);
  expect(upload).toEqual({
    fileId: expect.stringMatching(/^[0-9a-f]{32}\.png$/),
    fileName: name,
    url: `/api/download/${upload.fileId}`,
    size: picture.length,
    type: "image/png",
  });
  const stored = await env.BUCKET.get(`uploads/${upload.fileId}`);
  expect(stored?.httpMetadata?.contentType).toBe("image/png");
  expect(new Uint8Array((await stored?.arrayBuffer()) ?? [])).toEqual(picture);
});

test("a video may be larger than a picture, but not than a video may be", async () => {
  const limits = { MAX_UPLOAD_BYTES: "1000", MAX_VIDEO_BYTES: "5000" };
  expect((await put(file(MP4, 5000), {}, limits)).status).toBe(201);
  expect(await refused(await put(file(MP4, 5001), {}, limits))).toEqual([413, "input_too_large"]);
  expect((await put(file(PNG, 1000), {}, limits)).status).toBe(201);
  expect(await refused(await put(file(PNG, 1001), {}, limits))).toEqual([413, "input_too_large"]);
  const wrong = { MAX_UPLOAD_BYTES: "50 MB" };
  expect(await refused(await put(file(PNG, 1000), {}, wrong))).toEqual([413, "input_too_large"]);
});

test("what is no picture or video is refused whatever its name and type say", async () => {
  const headers = { "X-File-Name": "cat.jpg", "Content-Type": "image/jpeg" };
  for (const text of [
    "<svg xmlns=",
    "<!doctype html>",
    "%PDF-1.7",
    "\0\0\x01\0\x01\0",
    "PK\x03\x04",
    "hello",
  ]) {
    expect(await refused(await put(file(text), headers))).toEqual([415, "unsupported_media"]);
  }
});

test("an upload says its length, and has one", async () => {
  const body = new Blob([file(PNG)]).stream();
  expect(await refused(await call("/api/uploads", { method: "PUT", body }))).toEqual([
    411,
    "length_required",
  ]);
  expect(await refused(await put(file(PNG), { "Content-Length": "many" }))).toEqual([411, "length_required"]);
  expect(await refused(await put(new Uint8Array()))).toEqual([400, "invalid_request"]);
  const none = { method: "PUT", headers: { "Content-Length": "0" } };
  expect(await refused(await call("/api/uploads", none))).toEqual([400, "invalid_request"]);
});

test("a name that is not URI-encoded is refused", async () => {
  expect(await refused(await put(file(PNG), { "X-File-Name": "100%" }))).toEqual([400, "invalid_request"]);
});

test("a name keeps no folder, no control character, no mark that turns its reading around", async () => {
  const sent = encodeURIComponent("..\\..//etc/\u202egnp.\0cat\n.png");
  const { fileName } = await data<Upload>(await put(file(PNG), { "X-File-Name": sent }), 201);
  expect(fileName).toBe("gnp.cat.png");
  const long = await data<Upload>(
    await put(file(PNG), { "X-File-Name": encodeURIComponent("图".repeat(500)) }),
    201,
  );
  expect(long.fileName).toHaveLength(200);
});

test("a file that arrives shorter or longer than it was said to be is refused, and nothing is stored", async () => {
  const limits = { picture: 1e6, video: 1e6 };
  const before = (await env.BUCKET.list({ prefix: "uploads/" })).objects.length;
  for (const length of [5000, 4000]) {
    const storing = storeUpload(
      env.BUCKET,
      limits,
      new Blob([file(PNG, 4096)]).stream(),
      length,
      "short.png",
    );
    await expect(storing).rejects.toMatchObject({ status: 400, code: "invalid_request" });
  }
  expect((await env.BUCKET.list({ prefix: "uploads/" })).objects).toHaveLength(before);
});

test("bytes in memory are stored as a stream of them is", async () => {
  const limits = { picture: 1e6, video: 1e6 };
  const picture = file(JPEG, 70_000);
  const upload = await storeUpload(env.BUCKET, limits, picture, picture.length, "a.jpg");
  const stored = await env.BUCKET.get(`uploads/${upload.fileId}`);
  expect(new Uint8Array((await stored?.arrayBuffer()) ?? [])).toEqual(picture);
  expect(upload.type).toBe("image/jpeg");
});

test("a stream that begins with a few bytes at a time is told by all of them", async () => {
  const picture = file("\x1a\x45\xdf\xa3 with its name far behind: webm", 3000);
  const chunks = [picture.subarray(0, 1), picture.subarray(1, 20), picture.subarray(20)];
  const body = new ReadableStream({
    pull(controller) {
      const chunk = chunks.shift();
      if (chunk) controller.enqueue(chunk);
      else controller.close();
    },
  });
  const upload = await storeUpload(env.BUCKET, { picture: 1e6, video: 1e6 }, body, picture.length, "a");
  expect(upload.type).toBe("video/webm");
  const stored = await env.BUCKET.get(`uploads/${upload.fileId}`);
  expect(new Uint8Array((await stored?.arrayBuffer()) ?? [])).toEqual(picture);
});

test("a storage that fails is no fault of the sender's", async () => {
  const response = await put(file(PNG), {}, { BUCKET: failing("put") });
  expect(response.headers.get("Retry-After")).toBe("5");
  expect(await refused(response)).toEqual([503, "storage_unavailable"]);
});
