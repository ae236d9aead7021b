import { type Signal, signal } from "@preact/signals";
import type { Kind } from "./picked";
import type { OptionValue, Trim } from "./request";

/** What people may choose of how it is done; times in seconds, null for the file's own start or end. */
export interface Choices {
  light: boolean;
  mouth: boolean;
  restore: boolean;
  format: "same" | "jpeg" | "png" | "webp" | "avif";
  quality: number;
  sound: boolean;
  ownFrameRate: boolean;
  from: number | null;
  to: number | null;
}

export const DEFAULTS: Readonly<Choices> = {
  light: true,
  mouth: false,
  restore: false,
  format: "same",
  quality: 95,
  sound: true,
  ownFrameRate: true,
  from: null,
  to: null,
};

/** What is chosen now. */
export const choices: Signal<Choices> = signal({ ...DEFAULTS });

/** Choose some of them anew. */
export function choose(some: Partial<Choices>): void {
  choices.value = { ...choices.value, ...some };
}

/** Whether the part of a video that was asked for has no length. */
export function emptyPart({ from, to }: Choices): boolean {
  return to !== null && to <= (from ?? 0);
}

/** The options of a request: only those that differ from the service's own. */
export function toRequest(chosen: Choices, kind: Kind): Record<string, OptionValue> {
  const { light, mouth, restore } = chosen;
  return {
    ...(!light && { color_correction: false }),
    ...(mouth && { mouth_mask: true }),
    ...(restore && { use_face_enhancer: "auto" }),
    ...(kind === "video" ? ofVideo(chosen) : ofPicture(chosen)),
  };
}

/** The choices that a request was made of. */
export function fromRequest(options: Record<string, OptionValue>): Choices {
  const trim = typeof options.trim === "object" ? options.trim : {};
  const format = options.output_format as Choices["format"] | undefined;
  return {
    light: options.color_correction !== false,
    mouth: options.mouth_mask === true,
    restore: options.use_face_enhancer !== undefined && options.use_face_enhancer !== false,
    format: format ?? DEFAULTS.format,
    quality: typeof options.image_quality === "number" ? options.image_quality : DEFAULTS.quality,
    sound: options.keep_audio !== false,
    ownFrameRate: options.keep_fps !== false,
    from: trim.start ?? null,
    to: trim.end ?? null,
  };
}

function ofPicture({ format, quality }: Choices): Record<string, OptionValue> {
  return {
    ...(format !== "same" && { output_format: format }),
    ...(quality !== DEFAULTS.quality && { image_quality: quality }),
  };
}

function ofVideo({ sound, ownFrameRate, from, to }: Choices): Record<string, OptionValue> {
  const trim: Trim = { ...(from !== null && { start: from }), ...(to !== null && { end: to }) };
  return {
    ...(!sound && { keep_audio: false }),
    ...(!ownFrameRate && { keep_fps: false }),
    ...(Object.keys(trim).length > 0 && { trim }),
  };
}
