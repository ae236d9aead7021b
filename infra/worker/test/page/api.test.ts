import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiError, call, callIfChanged, NetworkError, sentence } from "../../page/src/api";
import { online, pausedUntil, whenOnline } from "../../page/src/online";
import { session, tokenRefused, tokenTaken } from "../../page/src/session";
import { bad, good, LOST, serve } from "./service";

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("what the service answers is given without its envelope", async () => {
  serve(() => good({ jobId: "x" }));
  expect(await call("/api/process/single-image", { method: "POST", json: {} })).toEqual({ jobId: "x" });
});

test("an answer without a body is no error", async () => {
  serve(() => new Response(null, { status: 204 }));
  expect(await call("/api/session", { method: "POST", json: {} })).toBeNull();
});

test("a refusal keeps its code and its sentence", async () => {
  serve(() => bad(413, "input_too_large"));
  const error = await call("/api/uploads").catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status: 413, code: "input_too_large", message: "It is input_too_large." });
});

test.each([200, 502])("a page in place of an answer (%d) is a refusal, never a result", async (status) => {
  serve(() => new Response("<h1>Sign in</h1>", { status }));
  await expect(call("/api/status/x")).rejects.toMatchObject({ code: "unreadable", status });
});

test("no answer is told apart from a refusal, and the service is looked for until it answers", async () => {
  let there = false;
  const asked = serve(() => (there ? good({}) : LOST));
  await expect(call("/api/status/x")).rejects.toBeInstanceOf(NetworkError);
  expect(online.value).toBe(false);
  const back = whenOnline();
  await vi.advanceTimersByTimeAsync(7000);
  expect(online.value).toBe(false);
  there = true;
  await vi.advanceTimersByTimeAsync(3000);
  await back;
  expect(asked.map((one) => one.path)).toEqual(["/api/status/x", "/health", "/health", "/health"]);
});

test("a 503 that is not the service's own is no refusal: what was sent is sent again", async () => {
  let busy = true;
  const asked = serve(() => (busy ? new Response("Please try again.", { status: 503 }) : good("done")));
  const waiting = call("/api/detect-faces", { method: "POST", json: { fileId: "a" } });
  await vi.advanceTimersByTimeAsync(0);
  expect(pausedUntil.value).toBe(Date.now() + 10_000);
  busy = false;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await waiting).toBe("done");
  expect(asked.map(({ body }) => body)).toEqual([{ fileId: "a" }, { fileId: "a" }]);
});

test("a 503 of the service itself is told at once", async () => {
  serve(() => bad(503, "storage_unavailable"));
  await expect(call("/api/status/x")).rejects.toMatchObject({ code: "storage_unavailable" });
});

test("what is asked too often is asked again after the time that was named, and all else waits for it too", async () => {
  let often = true;
  const asked = serve(() => (often ? bad(429, "too_many_requests", { "Retry-After": "7" }) : good("done")));
  const first = call("/api/one");
  await vi.advanceTimersByTimeAsync(0);
  expect(pausedUntil.value).toBe(Date.now() + 7000);
  often = false;
  const second = call("/api/two");
  await vi.advanceTimersByTimeAsync(6900);
  expect(asked).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(200);
  expect(await Promise.all([first, second])).toEqual(["done", "done"]);
  expect(pausedUntil.value).toBeNull();
});

test("what needs a token waits for it, also while nobody wants to give one, and then goes on", async () => {
  let known = false;
  serve(() => (known ? good("done") : bad(401, "unauthorized")));
  const waiting = call("/api/uploads");
  await vi.advanceTimersByTimeAsync(0);
  expect(session.value).toBe("asking");
  tokenRefused();
  expect(session.value).toBe("refused");
  known = true;
  tokenTaken();
  expect(await waiting).toBe("done");
});

test("a wrong token is a refusal: the dialog that sent it asks for another", async () => {
  serve(() => bad(401, "unauthorized"));
  await expect(call("/api/session", { method: "POST", json: {} })).rejects.toMatchObject({ status: 401 });
  expect(session.value).toBe("open");
});

test("what was stopped ends with the reason, not as a lost connection", async () => {
  serve(() => new Promise<Response>(() => undefined));
  const stop = new AbortController();
  const waiting = call("/api/status/x", { signal: stop.signal });
  stop.abort(new Error("stopped"));
  await expect(waiting).rejects.toThrow("stopped");
  expect(online.value).toBe(true);
});

test("what has not changed since is null", async () => {
  const asked = serve(({ headers }) =>
    headers["if-none-match"] === '"1"'
      ? new Response(null, { status: 304 })
      : good("new", 200, { ETag: '"1"' }),
  );
  expect(await callIfChanged("/api/status/x", null)).toEqual({ data: "new", etag: '"1"' });
  expect(await callIfChanged("/api/status/x", '"1"')).toBeNull();
  expect(asked).toHaveLength(2);
});

test("every error has a sentence, and a code of a later version its own", () => {
  expect(sentence(new ApiError(411, "length_required", "x", null))).toBe(
    "This file could not be read. Choose it again.",
  );
  expect(sentence(new ApiError(418, "of_tomorrow", "It is new.", null))).toBe("It is new.");
  expect(sentence(new Error("bug"))).not.toContain("bug");
});
