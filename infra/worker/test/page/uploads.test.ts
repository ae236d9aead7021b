import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Progress, upload } from "../../page/src/uploads";
import { bad, good, LOST, serve } from "./service";

const PART = 4 * 2 ** 20;
const ID = `${"e".repeat(32)}.jpg`;
const STORED = { fileId: ID, fileName: "a.jpg", url: "/x", type: "image/jpeg", size: 3 };
const BEGUN = { fileId: ID, uploadId: "u/1", partSize: PART };

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function aFile(size: number, name = "a.jpg"): File {
  return new File([new Uint8Array(size)], name, { type: "image/jpeg" });
}

/** Send a file to its end, whatever that is. */
async function sent(file: File, stop = new AbortController()): Promise<Progress> {
  const progress = upload(file, stop.signal);
  for (let turn = 0; turn < 60 && progress.value.step === "sending"; turn++)
    await vi.advanceTimersByTimeAsync(1000);
  return progress.value;
}

test("a small file goes up in one piece, with its name in letters that a header can hold", async () => {
  const asked = serve(() => good(STORED, 201));
  const progress = upload(aFile(3, "你好 1.jpg"), new AbortController().signal);
  const seen: unknown[] = [];
  progress.subscribe((now) => seen.push(now.step === "sending" ? now.sent : now));
  await vi.advanceTimersByTimeAsync(0);
  const file = { fileId: ID, name: "a.jpg", type: "image/jpeg", size: 3 };
  expect(seen).toEqual([0, 1.5, { step: "done", file }]);
  expect(asked).toMatchObject([{ method: "PUT", path: "/api/uploads" }]);
  expect(decodeURIComponent(asked[0]?.headers["x-file-name"] ?? "")).toBe("你好 1.jpg");
});

test("a large file goes up in parts of the size the service names, the last one shorter", async () => {
  const asked = serve(({ path }) => {
    const [, number] = /parts\/(\d+)/.exec(path) ?? [];
    if (number) return good({ partNumber: Number(number), etag: `e${number}` });
    return good(path.endsWith("/complete") ? STORED : BEGUN, 201);
  });
  expect(await sent(aFile(2 * PART + 5))).toMatchObject({ step: "done" });
  const parts = asked.filter((one) => one.path.includes("/parts/"));
  expect(parts.map((one) => [one.path, (one.body as Blob).size])).toEqual([
    [`/api/uploads/${ID}/parts/1?uploadId=u%2F1`, PART],
    [`/api/uploads/${ID}/parts/2?uploadId=u%2F1`, PART],
    [`/api/uploads/${ID}/parts/3?uploadId=u%2F1`, 5],
  ]);
  expect(asked.at(-1)?.body).toEqual({
    uploadId: "u/1",
    parts: [1, 2, 3].map((number) => ({ partNumber: number, etag: `e${number}` })),
  });
});

test("a file that cannot be read any more is not called a lost connection", async () => {
  const file = aFile(3);
  file.slice = () => Object.assign(new Blob(), { arrayBuffer: () => Promise.reject(new Error("changed")) });
  serve(({ path }) => (path === "/health" ? good({}) : LOST));
  expect(await sent(file)).toMatchObject({ step: "failed", error: { code: "length_required" } });
  // The page has found the service by then, as it was before.
  await vi.advanceTimersByTimeAsync(3000);
});

test.each([
  ["a passing fault", bad(503, "storage_unavailable")],
  ["a lost connection", LOST],
])("after %s only that part is sent again, three times at most", async (_, fault) => {
  let faults = 3;
  const asked = serve(({ path }) => {
    if (path === "/health") return good({});
    if (!path.includes("/parts/2")) return good(path.includes("/parts/") ? {} : { ...BEGUN, ...STORED }, 201);
    if (faults-- <= 0) return good({});
    return fault instanceof Response ? fault.clone() : fault;
  });
  expect(await sent(aFile(2 * PART + 5))).toMatchObject({ step: "done" });
  const tries = (part: number) => asked.filter((one) => one.path.includes(`/parts/${part}`)).length;
  expect([tries(1), tries(2), tries(3)]).toEqual([1, 4, 1]);
  faults = 4;
  expect(await sent(aFile(2 * PART + 5))).toMatchObject({ step: "failed" });
});

test("a service that names a time is asked again at that time", async () => {
  const answers = [bad(503, "storage_unavailable", { "Retry-After": "9" }), good(STORED, 201)];
  const asked = serve(() => answers.shift() ?? LOST);
  const progress = upload(aFile(3), new AbortController().signal);
  await vi.advanceTimersByTimeAsync(8900);
  expect(asked).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(200);
  expect(progress.value.step).toBe("done");
});

test("a refusal is not tried again", async () => {
  const asked = serve(() => bad(415, "unsupported_media"));
  expect(await sent(aFile(3))).toMatchObject({ step: "failed", error: { code: "unsupported_media" } });
  expect(asked).toHaveLength(1);
});

test("stopping a large file takes back what has gone up", async () => {
  const stop = new AbortController();
  const asked = serve(({ path }) =>
    path.includes("/parts/") ? new Promise<Response>(() => undefined) : good(BEGUN, 201),
  );
  const progress = upload(aFile(2 * PART + 5), stop.signal);
  await vi.advanceTimersByTimeAsync(0);
  stop.abort();
  await vi.advanceTimersByTimeAsync(0);
  expect(progress.value.step).toBe("failed");
  expect(asked.at(-1)).toMatchObject({ method: "DELETE", path: `/api/uploads/${ID}?uploadId=u%2F1` });
});
