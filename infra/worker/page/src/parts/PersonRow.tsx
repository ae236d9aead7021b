import type { ComponentChildren } from "preact";
import { slots } from "../cast";
import { t } from "../i18n";
import type { Face } from "../looking";
import { seconds, whoIs } from "../people";
import { looking } from "../target";
import { FaceSlot } from "./FaceSlot";
import { ArrowIcon, PersonIcon } from "./icons";

interface Props {
  /** Whoever the row is about; nobody while it is not known who is in the picture. */
  faces: Face[];
  /** The number of the person whose own row it is. */
  number?: number;
  /** What stands in place of the person's own slot. */
  children?: ComponentChildren;
}

const MOST_SHOWN = 3;

/** People, and the new face they get. */
export function PersonRow({ faces, number, children }: Props) {
  const [face] = faces;
  const person = face && number ? whoIs(face, number) : "";
  return (
    <li class="person">
      {face ? <Crops faces={faces} label={person} /> : <Nobody />}
      <span class="arrow" role="img" aria-label={t("composer.gets")}>
        <ArrowIcon />
      </span>
      {face && number ? (
        <FaceSlot
          spot={face.face_id}
          slot={slots.value[face.face_id] ?? null}
          label={t("composer.face.add")}
          hint={t("composer.face.stays", { person: t("composer.person", { number }) })}
          person={person}
        />
      ) : (
        children
      )}
    </li>
  );
}

function Crops({ faces, label }: { faces: Face[]; label: string }) {
  return (
    <span class={faces.length > 1 ? "crops many" : "crops"}>
      {faces.slice(0, MOST_SHOWN).map((face, at) => (
        <img
          key={face.face_id}
          src={face.preview}
          alt={label || whoIs(face, at + 1)}
          width="68"
          height="68"
        />
      ))}
      {faces.length > MOST_SHOWN && <b>+{faces.length - MOST_SHOWN}</b>}
      {faces.length === 1 && <Seen face={faces[0]} />}
    </span>
  );
}

/** Said by the picture's own words too. */
function Seen({ face }: { face: Face | undefined }) {
  const when = face && seconds(face);
  return when ? (
    <span class="seen" aria-hidden="true">
      {when}
    </span>
  ) : null;
}

function Nobody() {
  return (
    <span class={looking.value.step === "looking" ? "who pulse" : "who"} aria-hidden="true">
      <PersonIcon />
    </span>
  );
}
