import { chosen, toggle } from "../cast";
import { t } from "../i18n";
import type { Detection, Face } from "../looking";
import { pickFor, whoIs } from "../people";

interface Props {
  face: Face;
  number: number;
  media: Detection["media"];
}

/** A face in the picture: pressing it gives that person a new face, or leaves them as they are. */
export function FaceBox({ face, number, media }: Props) {
  const on = chosen.value.includes(face);
  const left = Math.max(0, face.x);
  const top = Math.max(0, face.y);
  const style = {
    left: share(left, media.width),
    top: share(top, media.height),
    width: share(Math.min(media.width, face.x + face.width) - left, media.width),
    height: share(Math.min(media.height, face.y + face.height) - top, media.height),
  };
  const press = () => {
    if (!toggle(face.face_id)) pickFor(face.face_id);
  };
  return (
    <button
      class={on ? "box on" : "box"}
      type="button"
      aria-pressed={on}
      aria-label={t("composer.box", { person: whoIs(face, number) })}
      style={style}
      onClick={press}
    >
      <b>{number}</b>
    </button>
  );
}

function share(length: number, of: number): string {
  return `${(100 * length) / of}%`;
}
