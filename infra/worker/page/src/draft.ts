import { carryOver, type Slot, setCast, takeFace } from "./cast";
import { focusSoon } from "./focus";
import { choices, fromRequest } from "./options";
import { guessKind, pick, pickStored } from "./picked";
import type { FileRef, SwapRequest } from "./request";
import { setTarget, target } from "./target";

/** Take the picture or video to change. */
export function takeTarget(file: File): void {
  setTarget(pick(file, "target"));
  carryOver();
}

/** Put what was dropped or pasted where it belongs; `spot` is "target", "face", a face id, or nowhere. */
export function place(files: readonly File[], spot?: string): void {
  const [first, second] = files;
  if (!first) return;
  const face = spot ? spot !== "target" : target.value !== null && guessKind(first) === "picture";
  if (face) takeFace(first, spot === "face" ? undefined : spot);
  else takeTarget(first);
  if (!face && second) takeFace(second);
}

/** Fill in an earlier request, and move focus to what is to be chosen anew, or to Start. */
export function again(request: SwapRequest, goTo: "target" | "face" | "start"): void {
  const stored = (file: FileRef): Slot => ({ picked: pickStored(file), on: true });
  const own = Object.entries(request.faces).map(([face, file]) => [face, stored(file)] as const);
  setTarget(pickStored(request.target));
  setCast({
    shared: request.everyone ? stored(request.everyone) : null,
    slots: Object.fromEntries(own),
    forAll: request.manyFaces,
  });
  choices.value = fromRequest(request.options);
  const ids = { target: "choose-target", face: "people", start: "start" };
  focusSoon(ids[goTo]);
}
