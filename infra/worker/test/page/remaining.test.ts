import { expect, test } from "vitest";
import { remember, type Sample, secondsLeft } from "../../page/src/remaining";

/** Samples of one stage, one every two seconds, `step` further each time. */
function steady(seconds: number, step: number, total = 1000): Sample[] {
  let samples: Sample[] = [];
  for (let at = 0; at <= seconds * 1000; at += 2000) {
    samples = remember(samples, { at, stage: "swap", done: (at / 2000) * step, total });
  }
  return samples;
}

test("a steady stage ends when its rate says so", () => {
  expect(secondsLeft(steady(10, 20), 10_000)).toBeCloseTo(90);
});

test("nothing is said before five seconds, whatever is done by then", () => {
  expect(secondsLeft(steady(4, 200), 4000)).toBeNull();
});

test("nothing is said before three percent, however long it takes", () => {
  expect(secondsLeft(steady(10, 5), 10_000)).toBeNull();
  expect(secondsLeft(steady(12, 5), 12_000)).not.toBeNull();
});

test("only the last twenty seconds count, so a slow beginning is forgotten", () => {
  let samples = steady(40, 2);
  for (let at = 42_000; at <= 62_000; at += 2000) {
    samples = remember(samples, { at, stage: "swap", done: 40 + ((at - 40_000) / 2000) * 40, total: 1000 });
  }
  expect(secondsLeft(samples, 62_000)).toBeCloseTo((1000 - 480) / 20);
  expect(samples.length).toBeLessThan(13);
});

test("another stage begins anew", () => {
  const samples = remember(steady(20, 20), { at: 22_000, stage: "encode", done: 900, total: 1000 });
  expect(samples).toHaveLength(1);
  expect(secondsLeft(samples, 22_000)).toBeNull();
});

test("a stage that begins again, as in another attempt, is not counted with what was done before", () => {
  const samples = remember(steady(20, 20), { at: 22_000, stage: "swap", done: 10, total: 1000 });
  expect(samples).toHaveLength(1);
});

test("nothing is said where nothing moves, or nothing was heard for long", () => {
  let still = steady(10, 20);
  for (let at = 12_000; at <= 40_000; at += 2000) {
    still = remember(still, { at, stage: "swap", done: 100, total: 1000 });
  }
  expect(secondsLeft(still, 40_000)).toBeNull();
  expect(secondsLeft(steady(10, 20), 31_000)).toBeNull();
});

test("nothing is said where the total is not known", () => {
  expect(secondsLeft(steady(10, 20, 0), 10_000)).toBeNull();
});

test("time goes on between two samples, but never below zero", () => {
  expect(secondsLeft(steady(10, 20), 13_000)).toBeCloseTo(87);
  expect(secondsLeft(steady(10, 199), 20_000)).toBe(0);
});

test("the service's own word on the time left counts from when it was heard, and for as long as it may be true", () => {
  expect(secondsLeft(steady(2, 100), 3000, 42)).toBeCloseTo(41);
  expect(secondsLeft(steady(2, 10), 3000, 42)).toBeNull();
  expect(secondsLeft(steady(2, 100), 30_000, 42)).toBeNull();
});
