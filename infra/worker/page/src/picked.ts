import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { ApiError } from "./api";
import { health } from "./health";
import { makePreview } from "./preview";
import type { FileRef } from "./request";
import { type Progress, upload } from "./uploads";

export type Kind = "picture" | "video";
/** What a file is chosen for: to be changed, or for the face in it. */
export type Role = "target" | "face";

/** A file that someone chose, on its way into the bucket or there already. */
export interface Picked {
  name: string;
  /** In bytes. */
  size: number;
  kind: ReadonlySignal<Kind>;
  /** An address to show it from; undefined while it is being made, null where the browser cannot show it. */
  preview: ReadonlySignal<string | null | undefined>;
  progress: ReadonlySignal<Progress>;
  /** Stop sending, and let go of the preview. */
  drop(): void;
}

const VIDEO_NAME = /\.(mp4|m4v|mov|3gp|3g2|webm|mkv|avi|flv|wmv|mpe?g|m?ts|m2ts)$/i;

/** Take a file: show it at once and send it meanwhile. */
export function pick(file: File, role: Role): Picked {
  const stop = new AbortController();
  const guess = guessKind(file);
  const preview = signal<string | null | undefined>(undefined);
  void makePreview(file, guess)
    .catch(() => null)
    .then((address) => {
      if (stop.signal.aborted && address) URL.revokeObjectURL(address);
      else preview.value = address;
    });
  const code = refusal(file, guess, role);
  const progress = code
    ? signal<Progress>({ step: "failed", error: new ApiError(400, code, "", null) })
    : upload(file, stop.signal);
  return {
    name: file.name,
    size: file.size,
    kind: computed(() => kindOf(progress.value) ?? guess),
    preview,
    progress,
    drop() {
      stop.abort();
      if (preview.value) URL.revokeObjectURL(preview.value);
    },
  };
}

/** Take a file that is in the bucket already. */
export function pickStored(file: FileRef): Picked {
  const progress = signal<Progress>({ step: "done", file });
  return {
    name: file.name,
    size: file.size,
    kind: computed(() => kindOf(progress.value) ?? "picture"),
    preview: signal(`/api/download/${file.fileId}`),
    progress,
    drop: () => undefined,
  };
}

/** The stored file of what was chosen, null while it is not there. */
export function storedFile(picked: Picked | null | undefined): FileRef | null {
  const progress = picked?.progress.value;
  return progress?.step === "done" ? progress.file : null;
}

/** What a file seems to be, by its type and name; the service looks at its bytes. */
export function guessKind(file: File): Kind {
  return file.type.startsWith("video/") || VIDEO_NAME.test(file.name) ? "video" : "picture";
}

function kindOf(progress: Progress): Kind | null {
  if (progress.step !== "done") return null;
  return progress.file.type.startsWith("video/") ? "video" : "picture";
}

/** Why a file need not be sent: what would come of it is known, and the sender is spared the time. */
function refusal(file: File, kind: Kind, role: Role): string | null {
  if (role === "face" && kind === "video") return "video_as_face";
  if (file.size === 0) return "media_corrupt";
  const limits = health.value?.limits;
  if (!limits || file.size <= (kind === "video" ? limits.video : limits.upload)) return null;
  return "input_too_large";
}
