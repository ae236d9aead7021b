import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { announce } from "./announce";
import { chosen, layout, shared, slots } from "./cast";
import { consent } from "./consent";
import { isOver } from "./entries";
import { focusNow } from "./focus";
import { consentNeeded } from "./health";
import { type Key, t } from "./i18n";
import { jobs, startJob } from "./jobs";
import { isAboutTheFile } from "./mend";
import { choices, emptyPart, toRequest } from "./options";
import { type Picked, storedFile } from "./picked";
import { makeThumb } from "./preview";
import type { FileRef, SwapRequest } from "./request";
import { looking, people, target } from "./target";
import { until } from "./wait";

/** What keeps a swap from starting: its sentence, and the element that mends it. */
export interface Missing {
  key: Key;
  focus: string | null;
  /** Whether it comes by itself. */
  comes?: boolean;
}

const THUMB = 96;
const asked = signal(false);
const waitsFor = signal<Picked | null>(null);
/** `key` is null until it is in the list. */
const lastStarted = signal<{ from: Picked | null; request: string; key: string | null } | null>(null);

/** The first thing that is missing, null when nothing is. */
export const missing: ReadonlySignal<Missing | null> = computed(
  () => fileMissing() ?? faceMissing() ?? restMissing(),
);

/** The first thing that is missing, once Start was pressed. */
export const told: ReadonlySignal<Missing | null> = computed(() => (asked.value ? missing.value : null));

/** Start the swap as soon as its files are there, or say what is missing and move focus there. */
export async function start(): Promise<void> {
  asked.value = true;
  const lacks = missing.value;
  if (!lacks) return begin();
  announce(t(lacks.key));
  if (lacks.focus) focusNow(lacks.focus);
  if (lacks.comes && target.value) await beginLater(target.value);
}

/** Start once nothing of it is on its way any more, unless another file was chosen or something else turns out missing. */
async function beginLater(from: Picked): Promise<void> {
  if (waitsFor.value === from) return;
  waitsFor.value = from;
  // Until then it is in this page alone: whoever leaves is asked.
  globalThis.onbeforeunload = (event) => event.preventDefault();
  const settled = computed(() => target.value !== from || !missing.value?.comes);
  await until(settled, Boolean);
  if (waitsFor.value !== from) return;
  waitsFor.value = globalThis.onbeforeunload = null;
  if (target.value !== from) asked.value = false;
  else if (missing.value) announce(t(missing.value.key));
  else await begin();
}

async function begin(): Promise<void> {
  const request = makeRequest();
  if (!request) return;
  asked.value = false;
  const started = { from: target.value, request: JSON.stringify(request), key: null };
  lastStarted.value = started;
  const count = chosen.value.length;
  const note = { name: request.target.name, thumb: await thumb(), people: count, request };
  const key = startJob(note, consent.value);
  if (lastStarted.value === started) lastStarted.value = { ...started, key };
}

function fileMissing(): Missing | null {
  const progress = target.value?.progress.value;
  if (!progress) return { key: "composer.missing.target", focus: "choose-target" };
  if (progress.step === "failed") return { key: "composer.missing.target_failed", focus: "choose-target" };
  const look = looking.value;
  if (look.step === "failed" && isAboutTheFile(look.error))
    return { key: "composer.missing.target_failed", focus: "choose-target" };
  if (look.step === "failed") return { key: "composer.missing.looked", focus: "look-again" };
  if (people.value?.length === 0) return { key: "composer.missing.nobody", focus: "choose-target" };
  return null;
}

function faceMissing(): Missing | null {
  if (layout.value !== "each") {
    const slot = shared.value;
    if (!slot?.on) return { key: "composer.missing.face", focus: "slot-face" };
    return slotFailed([["face", slot.picked.progress.value.step]]);
  }
  const on = Object.entries(slots.value).filter(([, slot]) => slot.on);
  if (on.length === 0) {
    const first = people.value?.[0]?.face_id;
    const key = shared.value ? "composer.missing.give" : "composer.missing.someone";
    return { key, focus: first ? `slot-${first}` : null };
  }
  return slotFailed(on.map(([id, slot]) => [id, slot.picked.progress.value.step]));
}

function slotFailed(steps: [string, string][]): Missing | null {
  const failed = steps.find(([, step]) => step === "failed");
  return failed ? { key: "composer.missing.face_failed", focus: `slot-${failed[0]}` } : null;
}

function restMissing(): Missing | null {
  const request = makeRequest();
  if (request?.kind === "video" && emptyPart(choices.value))
    return { key: "composer.missing.part", focus: "part-to" };
  if (consentNeeded.value && !consent.value) return { key: "composer.missing.consent", focus: "consent" };
  if (!request)
    return {
      key: sending() ? "composer.missing.sending" : "composer.missing.looking",
      focus: null,
      comes: true,
    };
  const last = lastStarted.value;
  // A second press would make the same once more.
  if (last?.from === target.value && last?.request === JSON.stringify(request) && !cameToNothing(last.key))
    return { key: "composer.missing.change", focus: null };
  return null;
}

/** Whether what was started has no result and will have none: it failed, was cancelled or taken out of the list. */
function cameToNothing(key: string | null): boolean {
  if (key === null) return false;
  const entry = jobs.entries.value.find((each) => each.key === key);
  return !entry || (isOver(entry) && entry.ended !== "completed");
}

function sending(): boolean {
  const files = [
    target.value,
    shared.value?.picked,
    ...Object.values(slots.value).map((slot) => slot.picked),
  ];
  return files.some((picked) => picked?.progress.value.step === "sending");
}

/** The request as it stands, null while a file or the people are not there yet. */
function makeRequest(): SwapRequest | null {
  const look = looking.value;
  const file = storedFile(target.value);
  if (!file || !target.value || look.step !== "found") return null;
  const kind = target.value.kind.value;
  const options = toRequest(choices.value, kind);
  const base = { kind, target: file, detection: look.found.detection, options };
  if (layout.value !== "each") {
    const everyone = storedFile(shared.value?.picked);
    return everyone && { ...base, everyone, faces: {}, manyFaces: layout.value === "all" };
  }
  const faces: Record<string, FileRef> = {};
  for (const { face_id } of chosen.value) {
    const own = storedFile(slots.value[face_id]?.picked);
    if (!own) return null;
    faces[face_id] = own;
  }
  return { ...base, faces, manyFaces: false };
}

async function thumb(): Promise<string | null> {
  const preview = target.value?.kind.value === "picture" ? target.value.preview.value : null;
  const made = preview ? await makeThumb(preview, THUMB) : null;
  const face = chosen.value[0]?.preview;
  return made ?? (face ? await makeThumb(face, THUMB) : null);
}
