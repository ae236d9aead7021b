import { dropFace, layout, toggle } from "./cast";
import { focusSoon } from "./focus";
import { clock } from "./format";
import { t } from "./i18n";
import { type Face, place } from "./looking";
import { looking, people } from "./target";

/** What someone is called: their number, and where or when they are seen. */
export function whoIs(face: Face, number: number): string {
  const person = t("composer.person", { number });
  const seen = face.track ? t("composer.seen", { time: seconds(face) }) : at(face);
  return seen && people.value?.length !== 1 ? t("composer.person_at", { person, place: seen }) : person;
}

/** Let people choose a file with the new face of someone. */
export function pickFor(faceId: string): void {
  const spot = layout.value === "each" ? faceId : "face";
  document.getElementById(`pick-${spot}`)?.click();
}

/** Give someone the face that waits, or that was theirs before. */
export function putBack(spot: string): void {
  toggle(spot);
  focusSoon(`slot-${spot}`);
}

/** Take a face out of its slot. */
export function leaveAsIs(spot: string): void {
  dropFace(spot === "face" ? undefined : spot);
  focusSoon(`slot-${spot}`);
}

/** Between which places of a video someone is seen, "" in a picture. */
export function seconds({ track }: Face): string {
  return track ? `${clock(track.first_s)}–${clock(track.last_s)}` : "";
}

function at(face: Face): string | null {
  if (looking.value.step !== "found") return null;
  return t(`composer.place.${place(face, looking.value.found.media.width)}`);
}
