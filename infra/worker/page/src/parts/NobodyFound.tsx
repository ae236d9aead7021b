import { t } from "../i18n";
import { PickButton } from "./PickButton";

/** What helps when there is no face in the picture to change. */
export function NobodyFound() {
  return (
    <div class="note bad mend">
      <p>
        <b>{t("composer.none.title")}</b> {t("composer.none.help")}
      </p>
      <PickButton spot="target" class="btn second sm">
        {t("composer.none.choose")}
      </PickButton>
    </div>
  );
}
