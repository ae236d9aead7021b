import { bytes, percent } from "../format";
import { t } from "../i18n";
import { online } from "../online";
import type { Picked } from "../picked";

/** How far a file is on its way up; nothing once it is there. */
export function Sending({ picked, onCancel }: { picked: Picked; onCancel: () => void }) {
  const progress = picked.progress.value;
  if (progress.step !== "sending") return null;
  const share = picked.size > 0 ? Math.min(100, (100 * progress.sent) / picked.size) : 0;
  const speed = progress.bytesPerS === null ? null : t("composer.speed", { size: bytes(progress.bytesPerS) });
  const text = online.value ? t("composer.sending", { percent: percent(share) }) : t("composer.held");
  return (
    <div class="sending">
      <div
        class="bar"
        role="progressbar"
        aria-label={t("composer.sending_file", { name: picked.name })}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share)}
      >
        <i style={{ width: `${share}%` }} />
      </div>
      <p class="small">
        <span>{text}</span>
        {online.value && speed && <span class="soft">{speed}</span>}
        <button class="plain go" type="button" onClick={onCancel}>
          {t("composer.cancel")}
        </button>
      </p>
    </div>
  );
}
