import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { bytes, clock, days, duration, moment, percent } from "../../page/src/format";
import { language, setLanguage } from "../../page/src/i18n";
import { MemoryStorage } from "./support";

beforeEach(() => vi.stubGlobal("localStorage", new MemoryStorage()));
afterEach(async () => {
  await setLanguage("en");
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test.each([
  [0, "0 bytes"],
  [999, "999 bytes"],
  [1000, "1 kB"],
  [132_400, "132 kB"],
  [1_440_000, "1.4 MB"],
  [50_000_000, "50 MB"],
  [123_400_000, "123 MB"],
  [2_000_000_000, "2 GB"],
  [5_000_000_000_000, "5,000 GB"],
])("%d bytes are said in the unit people would name", (count, text) => {
  expect(bytes(count)).toBe(text);
});

test.each([
  [0, "0:00"],
  [3.9, "0:03"],
  [72, "1:12"],
  [3729, "1:02:09"],
  [-1, "0:00"],
])("%d seconds into a video are a place on its clock", (seconds, text) => {
  expect(clock(seconds)).toBe(text);
});

test.each([
  [0.72, "0.7 sec"],
  [40.4, "40 sec"],
  [150, "3 min"],
  [7200, "2 hr"],
])("%d seconds of waiting are one rounded unit", (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

test("one day is said in hours, more are days", () => {
  expect([days(1), days(7)]).toEqual(["24 hours", "7 days"]);
});

test("a part of a hundred has no decimals", () => {
  expect(percent(61.4)).toBe("61%");
});

test("a moment has its day only when it is not today", () => {
  vi.useFakeTimers({ now: new Date(2026, 10, 29, 18, 0) });
  expect(moment(new Date(2026, 10, 29, 10, 42).getTime())).toBe("10:42 AM");
  expect(moment(new Date(2026, 10, 28, 10, 42).toISOString())).toContain("Nov 28");
});

test("everything is said as the chosen language says it, and the choice is kept", async () => {
  await setLanguage("zh-CN");
  expect(language.value).toBe("zh-CN");
  expect([days(7), duration(40), percent(61)]).toEqual(["7 天", "40秒", "61%"]);
  expect(localStorage.getItem("swapdrop.language")).toBe("zh-CN");
});
