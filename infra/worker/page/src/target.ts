import { batch, computed, type ReadonlySignal, signal } from "@preact/signals";
import { announce } from "./announce";
import { sentence } from "./api";
import { t } from "./i18n";
import { type Face, type Looking, lookForFaces } from "./looking";
import { type Picked, storedFile } from "./picked";
import type { View } from "./view";
import { until } from "./wait";

const picked = signal<Picked | null>(null);
const state = signal<Looking>({ step: "none" });
const looker = signal(new AbortController());

/** The picture or video to change. */
export const target: ReadonlySignal<Picked | null> = picked;

/** Where looking for faces in it stands. */
export const looking: ReadonlySignal<Looking> = state;

/** The people found in it, null while that is not known. */
export const people: ReadonlySignal<Face[] | null> = computed(() =>
  state.value.step === "found" ? state.value.found.faces : null,
);

/** Change another picture or video, or none; faces are looked for as soon as it is in the bucket. */
export function setTarget(next: Picked | null): void {
  picked.value?.drop();
  picked.value = next;
  lookAgain();
}

/** Look for faces anew. */
export function lookAgain(): void {
  looker.value.abort();
  looker.value = new AbortController();
  state.value = { step: "none" };
  if (picked.value) void look(picked.value, looker.value.signal);
}

async function look(at: Picked, stop: AbortSignal): Promise<void> {
  try {
    await until(at.progress, (now) => now.step !== "sending", stop);
    const file = storedFile(at);
    if (!file) return;
    const tell = (job: View | null) => {
      state.value = { step: "looking", job };
    };
    tell(null);
    const found = await lookForFaces(file.fileId, tell, stop);
    stop.throwIfAborted();
    end({ step: "found", found });
  } catch (error) {
    if (!stop.aborted) end({ step: "failed", error });
  }
}

function end(how: Looking): void {
  batch(() => {
    state.value = how;
    if (how.step === "failed") announce(sentence(how.error));
    if (how.step !== "found") return;
    const count = how.found.faces.length;
    announce(count ? t("composer.found", { count }) : t("composer.none.title"));
  });
}
