import { layout, type Slot, shared } from "../cast";
import { dragged } from "../drop";
import { t } from "../i18n";
import { putBack } from "../people";
import { FilledSlot } from "./FilledSlot";
import { BackIcon, PlusIcon } from "./icons";
import { PickButton } from "./PickButton";

interface Props {
  /** A face id, or "face" for the only person, for everyone, and for a face that waits. */
  spot: string;
  slot: Slot | null;
  label: string;
  hint: string;
  /** Whose slot it is, where there are several people. */
  person?: string;
  /** What is said of the face in place of whose it is. */
  note?: string;
}

/** Where someone's new face goes: empty, with a face, or with one that is left out for now. */
export function FaceSlot(props: Props) {
  const { spot, slot } = props;
  const over = dragged.value === spot;
  return (
    <div class={over ? "new over" : "new"} data-drop={spot}>
      {slot?.on ? <FilledSlot {...props} picked={slot.picked} /> : <EmptySlot {...props} />}
    </div>
  );
}

function EmptySlot({ spot, slot, label, hint }: Props) {
  const waiting = layout.value === "each" && !slot ? shared.value : null;
  const ready = slot ?? waiting;
  if (!ready)
    return (
      <PickButton spot={spot} id={`slot-${spot}`} class="slot">
        <PlusIcon />
        <Words title={label} hint={hint} />
      </PickButton>
    );
  const name = ready.picked.name;
  const title = t(slot ? "composer.face.back" : "composer.face.give", { name });
  return (
    <button id={`slot-${spot}`} class="slot" type="button" onClick={() => putBack(spot)}>
      {slot ? <BackIcon /> : <PlusIcon />}
      <Words title={title} hint={hint} />
    </button>
  );
}

function Words({ title, hint }: { title: string; hint: string }) {
  return (
    <span>
      <b>{title}</b>
      <span class="small soft">{hint}</span>
    </span>
  );
}
