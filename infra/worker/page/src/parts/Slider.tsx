import { percent } from "../format";
import { t } from "../i18n";
import { GripIcon } from "./icons";

interface Props {
  /** How much of the width shows what was before, 0 to 100. */
  share: number;
  onShare: (share: number) => void;
}

/** The line between before and after, moved by pointer, finger or arrow keys. */
export function Slider({ share, onShare }: Props) {
  return (
    <>
      <input
        type="range"
        min={0}
        max={100}
        value={share}
        aria-label={t("jobs.done.compare")}
        aria-valuetext={t("jobs.done.share", { percent: percent(share) })}
        onInput={(event) => onShare(event.currentTarget.valueAsNumber)}
      />
      <span class="divider" style={{ left: `${share}%` }} aria-hidden="true">
        <span class="grip">
          <GripIcon />
        </span>
      </span>
      <span class="tag before" aria-hidden="true">
        {t("jobs.done.before")}
      </span>
      <span class="tag after" aria-hidden="true">
        {t("jobs.done.after")}
      </span>
    </>
  );
}
