import { expect, test } from "vitest";
import {
  amount,
  errorWords,
  nameOf,
  speedWords,
  spoken,
  stageWords,
  swappedWords,
  warningLines,
} from "../../page/src/jobwords";
import { cardState } from "../../page/src/state";
import type { JobWarning, View } from "../../page/src/view";
import { anEntry, aView } from "./support";

const warning = (code: string, message: string) => ({ code, message }) as JobWarning;

test("a warning is told once, with everybody whom its sentences name", () => {
  const lines = warningLines([
    warning("target_covered", "Something seems to cover face_2 in the target."),
    warning("target_covered", "Something seems to cover face_0 in the target."),
    warning("alpha_flattened", "JPEG has no transparency."),
  ]);
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/^Persons 3 and 1: Something covers/);
  expect(lines[1]).toMatch(/^JPEG has no transparency/);
});

test("what a later version warns, fails with or does is told in its own words", () => {
  expect(warningLines([warning("later", "One."), warning("later", "Two.")])).toEqual(["One.", "Two."]);
  expect(errorWords("later", "It broke.")).toBe("It broke.");
  expect(stageWords("polish")).toBe("polish");
});

test.each([
  [{ done: 293, total: 484, unit: "frames" }, "293 of 484 frames"],
  [{ done: 3_100_000, total: 8_000_000, unit: "bytes" }, "3.1 MB of 8 MB"],
  [{ done: 0, total: 1, unit: "pictures" }, ""],
  [{ done: 0, total: 0, unit: "faces" }, ""],
  [{ done: 1, total: 9, unit: "segments" }, ""],
])("%o is told as: %s", (progress, words) => {
  expect(amount({ ...progress, percent: 0, fps: null, left_s: null, segments: null })).toBe(words);
});

test("a video's speed and parts are told, and parts only where there are several", () => {
  const progress = { done: 1, total: 9, unit: "frames", percent: 0, left_s: 3 };
  const parts = (total: number) => ({ done: 1, total, reused: 0 });
  expect(speedWords({ ...progress, fps: 7.25, segments: parts(3) })).toBe(
    "7.25 frames per second · 1 of 3 parts done",
  );
  expect(speedWords({ ...progress, fps: 12, segments: parts(1) })).toBe("12 frames per second");
  expect(speedWords({ ...progress, fps: null, segments: null })).toBe("");
});

test("a result tells how many of the faces were swapped, and leaves the others out where there are none", () => {
  const faces = [true, true, false].map((swapped, number) => ({ face_id: `face_${number}`, swapped }));
  const view = (found: number) =>
    aView("j", {
      started_at: "2026-11-29T10:00:00.000Z",
      finished_at: "2026-11-29T10:00:40.000Z",
      faces: faces.slice(0, found) as View["faces"],
      result: { faces_swapped: 2 } as View["result"],
    });
  expect(swappedWords(view(3))).toMatch(/^2 of 3 faces swapped in 40/);
  expect(swappedWords(view(2))).toMatch(/^2 faces swapped in 40/);
});

test("a job without a file's name is called by its id", () => {
  const entry = anEntry("k", { id: "0123456789abcdef" });
  expect(nameOf(entry)).toBe("team.jpg");
  expect(nameOf({ ...entry, note: { ...entry.note, name: "" } })).toContain("01234567");
});

test("screen readers are told of stages and ends, and not of waiting", () => {
  const said = (changes: Partial<View>) =>
    spoken(cardState(anEntry("k", { id: "j" }), aView("j", changes), 0), "team.jpg");
  expect(said({ stage: "swap" })).toBe("team.jpg: Swapping");
  expect(said({ status: "completed" })).toBe("team.jpg: done");
  expect(said({ status: "failed" })).toBe("team.jpg: could not be done");
  expect(said({ status: "pending", stage: "queued" })).toBe("");
});
