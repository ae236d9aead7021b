import { dragged } from "../drop";
import { bytes, days } from "../format";
import { health } from "../health";
import { t } from "../i18n";
import { PictureIcon } from "./icons";
import { PickButton } from "./PickButton";
import { Step } from "./Step";

/** Where the picture or video to change is dropped, pasted or chosen. */
export function DropZone() {
  const over = dragged.value === "target" || dragged.value === "";
  return (
    <Step number={1} id="target" title={t("composer.target.title")}>
      <div class={over ? "drop over" : "drop"} data-drop="target">
        <PictureIcon />
        <b>{t("composer.target.drop")}</b>
        <PickButton spot="target" id="choose-target" class="btn">
          {t("composer.target.choose")}
        </PickButton>
        <p class="small soft">{hint()}</p>
      </div>
    </Step>
  );
}

function hint(): string {
  const said = health.value;
  if (!said) return t("composer.target.kinds");
  const { upload, video } = said.limits;
  const limits = t("composer.target.limits", { picture: bytes(upload), video: bytes(video) });
  const kept = said.retention.upload_days;
  return kept === null ? limits : `${limits} ${t("composer.target.kept", { time: days(kept) })}`;
}
