import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Face, lookForFaces, place } from "../../page/src/looking";
import type { View } from "../../page/src/view";
import { bad, good, LOST, serve } from "./service";
import { aView } from "./support";

const CORRUPT: View["error"] = {
  code: "media_corrupt",
  message: "It is cut off.",
  retryable: false,
  attempts: [],
};
const FOUND = { faces: [], detection: "results/x/1.json" };

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("of looking that takes long it is told how it stands, until it is done", async () => {
  const jobs = [aView("x", { status: "pending" }), aView("x"), aView("x", { status: "completed" })];
  const answers = [good({ jobId: "x" }, 202), ...jobs.map((job) => good(job)), good(FOUND)];
  const asked = serve(() => answers.shift() ?? LOST);
  const tell = vi.fn();
  const looking = lookForFaces("f", tell, new AbortController().signal);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await looking).toEqual(FOUND);
  expect(tell.mock.calls.map(([job]) => job.status)).toEqual(["pending", "processing"]);
  expect(asked[0]).toMatchObject({ body: { fileId: "f" }, headers: { prefer: "respond-async" } });
  expect(asked[1]?.path).toBe("/api/status/x");
});

test.each([
  [{ status: "failed", error: CORRUPT }, "media_corrupt"],
  [{ status: "cancelled" }, "already_ended"],
] as const)("looking that comes to nothing after long is not begun again: %o", async (ended, code) => {
  const answers = [good({ jobId: "x" }, 202), good(aView("x", ended))];
  const asked = serve(() => answers.shift() ?? LOST);
  const looking = lookForFaces("f", () => undefined, new AbortController().signal);
  await expect(looking).rejects.toMatchObject({ code });
  expect(asked).toHaveLength(2);
});

test("a lost connection does not end it", async () => {
  const answers = [LOST, LOST, good({}), good(FOUND)];
  serve(() => answers.shift() ?? LOST);
  const looking = lookForFaces("f", () => undefined, new AbortController().signal);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await looking).toEqual(FOUND);
});

test("a refusal ends it", async () => {
  serve(() => bad(422, "media_corrupt"));
  const looking = lookForFaces("f", () => undefined, new AbortController().signal);
  await expect(looking).rejects.toMatchObject({ code: "media_corrupt" });
});

test.each([
  [100, "left"],
  [500, "middle"],
  [900, "right"],
])("a face at %d of 1000 pixels is at the %s", (center_x, where) => {
  expect(place({ center_x } as Face, 1000)).toBe(where);
});
