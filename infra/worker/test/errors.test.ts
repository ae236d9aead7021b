import { expect, test } from "vitest";
import { storageCode } from "../src/errors";
import { call, data, file, PNG, refused } from "./support";

const throwing = (error: unknown) => ({
  BUCKET: new Proxy({} as R2Bucket, { get: () => () => Promise.reject(error) }),
});
const ask = (error: unknown) => call(`/api/download/${"0".repeat(32)}.png`, {}, throwing(error));

test("the number of an R2 error is read from its message, and from no other message", () => {
  expect(storageCode(new Error("put: We encountered an internal error. Please try again. (10001)"))).toBe(
    10001,
  );
  expect(storageCode(new Error("completeMultipartUpload: All\nparts … (10048)"))).toBe(10048);
  expect(storageCode(new Error("Unexpected token (10001)"))).toBeNull();
  expect(storageCode("put: x (10001)")).toBeNull();
});

test("a storage that fails, or is not reached, says when to try again", async () => {
  const lost = Object.assign(new Error("Network connection lost."), { retryable: true });
  for (const error of [new Error("head: Too many requests. (10058)"), lost]) {
    const response = await ask(error);
    expect(response.headers.get("Retry-After")).toBe("5");
    expect(await refused(response)).toEqual([503, "storage_unavailable"]);
  }
});

test("whatever else is thrown is a fault of ours", async () => {
  for (const error of [
    new TypeError("x is not a function"),
    Object.assign(new Error("no"), { retryable: false }),
  ]) {
    expect(await refused(await ask(error))).toEqual([500, "internal"]);
  }
});

/** A stream of `chunks` pieces, and how many of them have been read. */
function counted(chunks: number, first: Uint8Array) {
  const seen = { chunks: 0 };
  const body = new ReadableStream(
    {
      pull(controller) {
        if (seen.chunks === chunks) return controller.close();
        controller.enqueue(seen.chunks === 0 ? first : new Uint8Array(1000));
        seen.chunks++;
      },
    },
    { highWaterMark: 0 },
  );
  return { seen, body };
}

test("who is refused while sending is heard out, and so hears the refusal", async () => {
  const { seen, body } = counted(50, file("<html>", 1000));
  const put = { method: "PUT", body, headers: { "Content-Length": "50000" } };
  expect(await refused(await call("/api/uploads", put))).toEqual([415, "unsupported_media"]);
  expect(seen.chunks).toBe(50);

  const part = '--abc\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n';
  const form = counted(50, new TextEncoder().encode(part + "no picture".repeat(10)));
  const headers = { "Content-Length": "50000", "Content-Type": "multipart/form-data; boundary=abc" };
  const post = { method: "POST", body: form.body, headers };
  expect(await refused(await call("/api/upload", post))).toEqual([415, "unsupported_media"]);
  expect(form.seen.chunks).toBe(50);
});

test("nobody is heard out who would send more than the service could ever take at once", async () => {
  const { seen, body } = counted(50, file("<html>", 1000));
  const put = { method: "PUT", body, headers: { "Content-Length": "3000000000" } };
  expect(await refused(await call("/api/uploads", put))).toEqual([415, "unsupported_media"]);
  expect(seen.chunks).toBe(1);
});

test("who breaks off while being heard out breaks nothing", async () => {
  const body = new ReadableStream({
    pull: (controller) => controller.error(new Error("gone")),
  });
  const response = await call("/api/nothing", { method: "POST", body });
  expect(await refused(response)).toEqual([404, "not_found"]);
  await data(await call("/api/uploads", { method: "PUT", body: file(PNG) }), 201);
});
