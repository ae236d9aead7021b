import { type Signal, signal } from "@preact/signals";
import type { Kind } from "./picked";
import type { OptionValue, Trim } from "./request";

/** What people may choose of how it is done; times in seconds, null for the file's own start or end. */
export interface Choices {
  light: boolean;
  mouth: boolean;
  restore: boolean;
  /** How much of the new face's identity is put in, and how much of the restored face shows: percent. */
  likeness: number;
  restored: number;
  /** Large faces in more detail. */
  fine: boolean;
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
  likeness: 50,
  restored: 100,
  fine: false,
  format: "same",
  quality: 95,
  sound: true,
  ownFrameRate: true,
  from: null,
  to: null,
};

/** Longest side of the crop that a large face is swapped in: four times what most networks take at once. */
const FINE_PIXELS = 512;

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
  const { light, mouth, restore, likeness, restored, fine } = chosen;
  return {
    ...(!light && { color_correction: false }),
    ...(mouth && { mouth_mask: true }),
    ...(restore && { use_face_enhancer: "auto" }),
    ...(restore && restored !== DEFAULTS.restored && { enhancer_strength: restored / 100 }),
    ...(likeness !== DEFAULTS.likeness && { swap_strength: likeness / 100 }),
    ...(fine && { pixel_boost: FINE_PIXELS }),
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
    restored: Math.round(numberOr(options.enhancer_strength, 1) * 100),
    likeness: Math.round(numberOr(options.swap_strength, 0.5) * 100),
    fine: options.pixel_boost !== undefined,
    format: format ?? DEFAULTS.format,
    quality: numberOr(options.image_quality, DEFAULTS.quality),
    sound: options.keep_audio !== false,
    ownFrameRate: options.keep_fps !== false,
    from: trim.start ?? null,
    to: trim.end ?? null,
  };
}

const numberOr = (value: OptionValue | undefined, other: number): number =>
  typeof value === "number" ? value : other;

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
