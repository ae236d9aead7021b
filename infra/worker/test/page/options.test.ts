import { expect, test } from "vitest";
import { type Choices, DEFAULTS, emptyPart, fromRequest, toRequest } from "../../page/src/options";

test("what nobody changed is left to the service", () => {
  expect(toRequest(DEFAULTS, "picture")).toEqual({});
  expect(toRequest(DEFAULTS, "video")).toEqual({});
});

test("restoring asks for it where the service can, so that no swap fails for want of it", () => {
  expect(toRequest({ ...DEFAULTS, restore: true }, "picture")).toEqual({ use_face_enhancer: "auto" });
});

test("how much of the restored face shows is not sent where none is restored", () => {
  expect(toRequest({ ...DEFAULTS, restored: 40 }, "picture")).toEqual({});
});

test("a picture's options are not sent with a video, nor a video's with a picture", () => {
  const all: Choices = { ...DEFAULTS, format: "png", quality: 80, sound: false, ownFrameRate: false, to: 4 };
  expect(toRequest(all, "picture")).toEqual({ output_format: "png", image_quality: 80 });
  expect(toRequest(all, "video")).toEqual({ keep_audio: false, keep_fps: false, trim: { end: 4 } });
});

test.each([
  ["picture", { light: false, mouth: true, restore: true, format: "webp", quality: 70 }],
  ["picture", { restore: true, restored: 35, likeness: 70, fine: true }],
  ["video", { sound: false, ownFrameRate: false, from: 0, to: 2.5 }],
] as const)("the choices of a %s are the same again after a job was made of them", (kind, changes) => {
  const choices: Choices = { ...DEFAULTS, ...changes };
  expect(fromRequest(toRequest(choices, kind))).toEqual(choices);
});

test.each([
  [null, null, false],
  [5, null, false],
  [null, 5, false],
  [5, 5, true],
  [5, 3, true],
  [null, 0, true],
])("a part from %s to %s has no length: %s", (from, to, empty) => {
  expect(emptyPart({ ...DEFAULTS, from, to })).toBe(empty);
});
