import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Face, lookForFaces, place } from "../../page/src/looking";
import { bad, good, LOST, serve } from "./service";

const FOUND = { faces: [], detection: "results/x/1.json" };

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("looking that takes long is said to, and goes on until it is done", async () => {
  const answers = [good({ jobId: "x" }, 202), good({ jobId: "x" }, 202), good(FOUND)];
  const asked = serve(() => answers.shift() ?? LOST);
  const slow = vi.fn();
  const looking = lookForFaces("f", slow, new AbortController().signal);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await looking).toEqual(FOUND);
  expect(slow).toHaveBeenCalledTimes(2);
  expect(asked[0]).toMatchObject({ body: { fileId: "f" }, headers: { prefer: "respond-async" } });
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
