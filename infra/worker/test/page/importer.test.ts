import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fetched } from "../../page/src/importer";
import { online } from "../../page/src/online";
import { good, LOST, serve } from "./service";

const failing = () => vi.fn<() => Promise<string>>().mockRejectedValue(new TypeError("no such script"));
const stop = new AbortController();

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("a script that does not come at once is fetched again", async () => {
  serve(() => good({}));
  const load = failing().mockRejectedValueOnce(LOST).mockRejectedValueOnce(LOST).mockResolvedValueOnce("it");
  const script = fetched(load, stop.signal);
  await vi.runAllTimersAsync();
  expect(await script).toBe("it");
});

test("a script that the service has no longer is given up after three times", async () => {
  serve(() => good({}));
  const load = failing();
  const script = fetched(load, stop.signal);
  await vi.runAllTimersAsync();
  expect(await script).toBeNull();
  expect(load).toHaveBeenCalledTimes(3);
});

test("a script that does not come for want of a connection is waited for, and that is told", async () => {
  let there = false;
  serve(() => (there ? good({}) : LOST));
  const load = failing();
  const script = fetched(load, stop.signal);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(online.value).toBe(false);
  there = true;
  load.mockResolvedValue("it");
  await vi.runAllTimersAsync();
  expect(await script).toBe("it");
});
