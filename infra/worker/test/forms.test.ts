import { env } from "cloudflare:test";
import { expect, test } from "vitest";
import type { Upload } from "../src/uploads";
import { call, data, failing, file, JPEG, MP4, PNG, refused } from "./support";

/** The body and headers of a form, as a browser sends it. */
async function form(
  fields: Record<string, string | [Uint8Array<ArrayBuffer>, string]>,
): Promise<RequestInit> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === "string") form.append(name, value);
    else form.append(name, new File([value[0]], value[1]));
  }
  const request = new Request("https://a.example", { method: "POST", body: form });
  const headers = { "Content-Type": request.headers.get("Content-Type") ?? "" };
  return { method: "POST", headers, body: await request.bytes() };
}

async function stored(upload: Upload): Promise<Uint8Array> {
  const object = await env.BUCKET.get(`uploads/${upload.fileId}`);
  return new Uint8Array((await object?.arrayBuffer()) ?? []);
}

const digest = async (bytes: Uint8Array) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
const MIB = 2 ** 20;

test("a small file of a form is stored in one piece, whatever fields stand beside it", async () => {
  const picture = file(JPEG, 100_000);
  const sent = await form({ note: "words", file: [picture, "某人.jpg"], other: [file(PNG), "b.png"] });
  const upload = await data<Upload>(await call("/api/upload", sent));
  expect(upload).toMatchObject({ fileName: "某人.jpg", size: picture.length, type: "image/jpeg" });
  expect(upload.url).toBe(`/api/download/${upload.fileId}`);
  expect(await stored(upload)).toEqual(picture);
});

test.each([8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 20 * MIB])(
  "a file of %i bytes comes out as it went in",
  async (size) => {
    const video = file(MP4, size);
    const upload = await data<Upload>(await call("/api/upload", await form({ file: [video, "a.mp4"] })));
    expect(upload).toMatchObject({ size, type: "video/mp4" });
    expect(await digest(await stored(upload))).toEqual(await digest(video));
  },
);

test("a file that is too large or of no type that is taken leaves nothing behind", async () => {
  const before = (await env.BUCKET.list({ prefix: "uploads/" })).objects.length;
  const limits = { MAX_UPLOAD_BYTES: "1000000", MAX_VIDEO_BYTES: String(9 * MIB) };
  const picture = await form({ file: [file(PNG, 1_000_001), "a.png"] });
  expect(await refused(await call("/api/upload", picture, limits))).toEqual([413, "input_too_large"]);
  const video = await form({ file: [file(MP4, 20 * MIB), "a.mp4"] });
  expect(await refused(await call("/api/upload", video, limits))).toEqual([413, "input_too_large"]);
  const page = await form({ file: [file("<!doctype html>"), "a.jpg"] });
  expect(await refused(await call("/api/upload", page))).toEqual([415, "unsupported_media"]);
  const short = await form({ file: [new Uint8Array([1]), "a.jpg"] });
  expect(await refused(await call("/api/upload", short))).toEqual([415, "unsupported_media"]);
  expect((await env.BUCKET.list({ prefix: "uploads/" })).objects).toHaveLength(before);
});

test("a form without its file, or with an empty one, is refused", async () => {
  const sends = [
    { picture: [file(PNG), "a.png"] },
    { file: "a.png" },
    { file: [new Uint8Array(), "a.png"] },
    {},
  ];
  for (const fields of sends) {
    const sent = await form(fields as Parameters<typeof form>[0]);
    expect(await refused(await call("/api/upload", sent))).toEqual([400, "invalid_request"]);
  }
});

test("what is no form is refused", async () => {
  const sends: RequestInit[] = [
    { body: file(PNG), headers: { "Content-Type": "image/png" } },
    { body: file(PNG), headers: { "Content-Type": "multipart/form-data; boundary=abc" } },
    { body: file(PNG), headers: { "Content-Type": "multipart/form-data" } },
    { body: "{}", headers: { "Content-Type": "application/json" } },
    {},
  ];
  for (const sent of sends) {
    expect(await refused(await call("/api/upload", { method: "POST", ...sent }))).toEqual([
      400,
      "invalid_request",
    ]);
  }
});

test("a form says its length, and has at most 100 MB", async () => {
  const headers = { "Content-Type": "multipart/form-data; boundary=abc" };
  const stream = { method: "POST", headers, body: new Blob(["--abc--"]).stream() };
  expect(await refused(await call("/api/upload", stream))).toEqual([411, "length_required"]);
  const long = { method: "POST", headers: { ...headers, "Content-Length": "104857601" }, body: "--abc--" };
  expect(await refused(await call("/api/upload", long))).toEqual([413, "input_too_large"]);
  const wordy = await form({ note: "x".repeat(70_000), file: [file(PNG), "a.png"] });
  expect(await refused(await call("/api/upload", wordy))).toEqual([413, "input_too_large"]);
});

test("a storage that fails in the middle of a form is no fault of the sender's", async () => {
  const sent = await form({ file: [file(MP4, 9 * MIB), "a.mp4"] });
  const over = { BUCKET: failing("createMultipartUpload") };
  expect(await refused(await call("/api/upload", sent, over))).toEqual([503, "storage_unavailable"]);
});
