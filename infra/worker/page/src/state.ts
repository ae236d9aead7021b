import type { Entry } from "./entries";
import type { Progress, Stage, View } from "./view";

/** Which part of the bar a stage belongs to: fetch, find faces, swap, encode, save. */
const STEPS: Record<Stage, number> = {
  queued: -1,
  download: 0,
  decode: 0,
  detect: 1,
  swap: 2,
  paste: 2,
  encode: 3,
  upload: 4,
  finish: 4,
};
/** How many parts the bar has. */
export const STEP_COUNT = 5;

const ALONE_MS = 60_000;

/** What a job's card shows. */
export type CardState =
  /** It waits in this page, or is on its way. */
  | { kind: "unsent" }
  /** The service would not take it. */
  | { kind: "refused"; code: string; message: string }
  /** It was not asked for yet, or there was no answer. */
  | { kind: "unknown" }
  /** `ahead` is null where nobody knows; `alone`: none is before it, and no machine took it for a minute. */
  | { kind: "waiting"; ahead: number | null; alone: boolean; interrupted: boolean }
  /** `step` is -1 while the machine that took it has others to do first. */
  | { kind: "working"; step: number; stage: Stage; progress: Progress; attempt: number }
  | { kind: "completed" | "failed" | "cancelled"; view: View }
  | { kind: "deleted" };

/** What to show of a job, from its entry, its record and what time it is; nothing else decides. */
export function cardState(entry: Entry, view: View | undefined, now: number): CardState {
  if (entry.refused) return { kind: "refused", ...entry.refused };
  if (entry.id === null) return { kind: "unsent" };
  if (entry.ended === "deleted") return { kind: "deleted" };
  if (!view) return { kind: "unknown" };
  switch (view.status) {
    case "pending": // at a later stage others make parts of it
      return view.stage === "queued" ? waiting(entry, view, now) : working(view);
    case "processing":
      return working(view);
    default:
      return { kind: view.status, view };
  }
}

function waiting(entry: Entry, view: View, now: number): CardState {
  const ahead = view.queue?.ahead ?? null;
  const interrupted = view.attempt > 0;
  const since = entry.sentAt ?? entry.madeAt;
  return { kind: "waiting", ahead, alone: !interrupted && !ahead && now - since >= ALONE_MS, interrupted };
}

function working(view: View): CardState {
  const { stage, progress_detail: progress, attempt } = view;
  return { kind: "working", step: STEPS[stage] ?? -1, stage, progress, attempt };
}
