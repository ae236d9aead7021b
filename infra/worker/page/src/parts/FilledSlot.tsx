import { useSignal } from "@preact/signals";
import { sentence } from "../api";
import { percent } from "../format";
import { t } from "../i18n";
import { online } from "../online";
import { leaveAsIs } from "../people";
import type { Picked } from "../picked";
import { CrossIcon, PencilIcon, PersonIcon } from "./icons";
import { PickButton } from "./PickButton";

interface Props {
  spot: string;
  picked: Picked;
  person?: string;
  note?: string;
}

/** A new face in its slot: what it is, how far it is, and how to change it. */
export function FilledSlot({ spot, picked, person, note }: Props) {
  const failed = picked.progress.value.step === "failed";
  const who = person ?? t("composer.face.the");
  return (
    <>
      <Portrait picked={picked} label={t("composer.face.alt", { person: who })} />
      <div class="words">
        <b>{picked.name}</b>
        <span class={failed ? "small bad" : "small soft"}>{note ?? state(picked) ?? person}</span>
      </div>
      <div class="acts">
        <PickButton
          spot={spot}
          id={`slot-${spot}`}
          class="plain go"
          label={t("composer.face.change_of", { person: who })}
        >
          <PencilIcon />
          <span class="txt">{t("composer.face.change")}</span>
        </PickButton>
        <button
          class="plain"
          type="button"
          aria-label={t("composer.face.remove", { person: who })}
          onClick={() => leaveAsIs(spot)}
        >
          <CrossIcon />
        </button>
      </div>
    </>
  );
}

function Portrait({ picked, label }: { picked: Picked; label: string }) {
  const broken = useSignal<Picked | null>(null);
  const address = picked.preview.value;
  if (!address || broken.value === picked)
    return (
      <span class="who" role="img" aria-label={label}>
        <PersonIcon />
      </span>
    );
  return (
    <img
      class="portrait"
      src={address}
      alt={label}
      width="68"
      height="68"
      onError={() => (broken.value = picked)}
    />
  );
}

/** What there is to say of a file that is not there yet. */
function state(picked: Picked): string | null {
  const progress = picked.progress.value;
  if (progress.step === "failed") return sentence(progress.error);
  if (progress.step === "done") return null;
  if (!online.value) return t("composer.held");
  const share = picked.size > 0 ? Math.min(100, (100 * progress.sent) / picked.size) : 0;
  return t("composer.sending", { percent: percent(share) });
}
