import { describe, expect, test } from "vitest";
import { mend } from "../../page/src/mend";
import { cardState } from "../../page/src/state";
import type { Stage } from "../../page/src/view";
import { anEntry, aView } from "./support";

const sent = anEntry("k", { id: "j", sentAt: 0, tried: true });

test("a job without an id waits in the page, whatever else is known", () => {
  expect(cardState(anEntry("k"), undefined, 0)).toEqual({ kind: "unsent" });
});

test("a job that was not taken is told with the service's words", () => {
  const refused = { code: "consent_missing", message: "Tick it." };
  expect(cardState(anEntry("k", { refused }), undefined, 0)).toEqual({ kind: "refused", ...refused });
});

test("without an answer nothing is known, also of a job that had ended when last seen", () => {
  expect(cardState({ ...sent, ended: "completed" }, undefined, 0)).toEqual({ kind: "unknown" });
});

describe("a waiting job", () => {
  const pending = (changes: object) =>
    aView("j", { status: "pending", stage: "queued", attempt: 0, ...changes });
  const at = (now: number, changes: object) => cardState(sent, pending(changes), now);

  test("tells how many are before it, and null where nobody knows", () => {
    expect(at(0, { queue: { ahead: 3 } })).toMatchObject({ kind: "waiting", ahead: 3, alone: false });
    expect(at(0, {})).toMatchObject({ ahead: null, alone: false });
  });

  test("says after a minute with none before it that no machine took it", () => {
    expect(at(59_999, { queue: { ahead: 0 } })).toMatchObject({ alone: false });
    expect(at(60_000, { queue: { ahead: 0 } })).toMatchObject({ alone: true });
    expect(at(60_000, { queue: { ahead: 1 } })).toMatchObject({ alone: false });
  });

  test("that was begun before is interrupted, not untouched", () => {
    expect(at(90_000, { attempt: 1 })).toMatchObject({ interrupted: true, alone: false });
  });

  test("that was shared out is worked on, although nobody has it", () => {
    expect(at(0, { stage: "swap", attempt: 1 })).toMatchObject({ kind: "working", step: 2, stage: "swap" });
  });
});

test.each<[Stage, number]>([
  ["queued", -1],
  ["download", 0],
  ["decode", 0],
  ["detect", 1],
  ["swap", 2],
  ["paste", 2],
  ["encode", 3],
  ["upload", 4],
  ["finish", 4],
])("stage %s is part %i of the bar", (stage, step) => {
  expect(cardState(sent, aView("j", { stage }), 0)).toMatchObject({ kind: "working", step, stage });
});

test("a stage of a later version is shown as work, not as the end", () => {
  expect(cardState(sent, aView("j", { stage: "polish" as Stage }), 0)).toMatchObject({ step: -1 });
});

test("only the record says how a job ended", () => {
  for (const status of ["completed", "failed", "cancelled"] as const) {
    const wished = { ...sent, stop: "told" as const };
    expect(cardState(wished, aView("j", { status }), 0)).toMatchObject({ kind: status });
  }
  expect(cardState({ ...sent, stop: "told" }, aView("j"), 0)).toMatchObject({ kind: "working" });
});

test("what the service has no longer is deleted, although its record was seen", () => {
  const view = aView("j", { status: "completed" });
  expect(cardState({ ...sent, ended: "deleted" }, view, 0)).toEqual({ kind: "deleted" });
});

test.each([
  ["no_face_in_source", "No usable face was found.", "face"],
  ["no_face_in_target", "No face was found.", "target"],
  ["media_corrupt", "The source picture 2 cannot be used. The file is damaged.", "face"],
  ["media_corrupt", "The picture for face_1 cannot be used. The file is damaged.", "face"],
  ["media_corrupt", "The target cannot be used. The file is damaged.", "target"],
  ["unsupported_media", "The source is MP4 video. Source and target may be the wrong way round.", "face"],
  ["input_too_large", "The file is larger than 50 MB.", "target"],
  ["upload_not_found", "", "target"],
  ["upload_not_found", "There is no upload 0.jpg, the source; it may have been deleted since.", "face"],
  ["upload_not_found", "There is no upload 0.jpg, the picture for face_0; it may have been deleted.", "face"],
  ["minor_refused", "The face in the source picture looks like a minor's.", "face"],
  ["minor_refused", "face_1 of the target looks like a minor's.", "target"],
  ["content_rejected", "The source cannot be used. It seems to show nudity or sexual content.", "face"],
  ["content_rejected", "The target cannot be used. It seems to show nudity or sexual content.", "target"],
  ["person_protected", "The face in the source picture is that of somebody who asked not to.", "face"],
  ["forgotten", "This job was forgotten.", "start"],
  ["consent_missing", "", "start"],
  ["attempts_exhausted", "The last attempt ended at the source's download.", "retry"],
  ["something_new", "", "retry"],
])("%s (%s) is mended by: %s", (code, message, step) => {
  expect(mend(code, message)).toBe(step);
});
