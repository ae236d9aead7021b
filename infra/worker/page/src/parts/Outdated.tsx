import { t } from "../i18n";

/** Stands for what the service has no longer, as it has a later version of this page. */
export function Outdated() {
  return (
    <div class="note bad mend" role="alert">
      <p>{t("common.outdated")}</p>
      <Reload />
    </div>
  );
}

export function Reload() {
  return (
    <button class="btn second sm" type="button" onClick={() => location.reload()}>
      {t("common.reload")}
    </button>
  );
}
