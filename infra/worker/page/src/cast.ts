import { batch, computed, type ReadonlySignal, signal } from "@preact/signals";
import type { Face } from "./looking";
import { type Picked, pick } from "./picked";
import { people } from "./target";

/** A new face for someone; `on` is false while that person stays as is all the same. */
export interface Slot {
  picked: Picked;
  on: boolean;
}

interface Cast {
  /** The face of the only person or of everyone; of several people, one that waits to be given to someone. */
  shared: Slot | null;
  /** The faces of several people, by face id. */
  slots: Record<string, Slot>;
  forAll: boolean;
}

const cast = signal<Cast>({ shared: null, slots: {}, forAll: false });

export const shared: ReadonlySignal<Slot | null> = computed(() => cast.value.shared);
export const slots: ReadonlySignal<Record<string, Slot>> = computed(() => cast.value.slots);

/** Who can be given a face: the only person (or whoever it turns out to be), everyone at once, or each. */
export const layout: ReadonlySignal<"one" | "all" | "each"> = computed(() => {
  const several = people.value ? people.value.length > 1 : Object.keys(cast.value.slots).length > 0;
  if (!several) return "one";
  return cast.value.forAll ? "all" : "each";
});

/** The people found who get a new face. */
export const chosen: ReadonlySignal<Face[]> = computed(() => {
  const everyone = layout.value !== "each" && cast.value.shared?.on;
  const gets = (face: Face) => (layout.value === "each" ? slots.value[face.face_id]?.on : everyone);
  return (people.value ?? []).filter(gets);
});

/** Put other faces in place of all that were chosen; what is no longer used is let go. */
export function setCast(next: Partial<Cast>): void {
  const before = pickedOf(cast.value);
  cast.value = { ...cast.value, ...next };
  const still = pickedOf(cast.value);
  for (const picked of before) if (!still.has(picked)) picked.drop();
}

/** Take a new face: for one of several people by face id, else as `shared`. */
export function takeFace(file: File, faceId?: string): void {
  const slot = { picked: pick(file, "face"), on: true };
  setCast(faceId ? { slots: { ...slots.value, [faceId]: slot } } : { shared: slot });
}

/** Take a new face away again. */
export function dropFace(faceId?: string): void {
  const { [faceId ?? ""]: _gone, ...rest } = slots.value;
  setCast(faceId ? { slots: rest } : { shared: null });
}

/** Change whether someone gets a new face; false when a file has to be chosen for it first. */
export function toggle(faceId: string): boolean {
  const waiting = cast.value.shared;
  if (layout.value === "one") {
    if (waiting) setCast({ shared: { ...waiting, on: !waiting.on } });
    return waiting !== null;
  }
  return batch(() => {
    if (layout.value === "all") setForAll(false);
    const own = slots.value[faceId];
    if (own) setCast({ slots: { ...slots.value, [faceId]: { ...own, on: !own.on } } });
    else if (waiting)
      setCast({ slots: { ...slots.value, [faceId]: { ...waiting, on: true } }, shared: null });
    return Boolean(own ?? waiting);
  });
}

/** One face for everyone, or one for each; what was chosen for one way is carried over to the other. */
export function setForAll(on: boolean): void {
  const { shared: common, slots: own } = cast.value;
  if (on) {
    setCast({ forAll: true, shared: common ?? firstOf(own), slots: {} });
    return;
  }
  const ids = common ? (people.value ?? []).map((face) => face.face_id) : [];
  const each = ids.map((id) => [id, { ...common }] as [string, Slot]);
  setCast({ forAll: false, shared: null, slots: Object.fromEntries(each) });
}

/** Another picture has other people: the first of the faces chosen waits for one of them. */
export function carryOver(): void {
  setCast({ shared: cast.value.shared ?? firstOf(slots.value), slots: {} });
}

function firstOf(own: Record<string, Slot>): Slot | null {
  return Object.values(own).find((slot) => slot.on) ?? null;
}

function pickedOf(of: Cast): Set<Picked> {
  const all = [of.shared, ...Object.values(of.slots)];
  return new Set(all.flatMap((slot) => (slot ? [slot.picked] : [])));
}
