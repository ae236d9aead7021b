import { days } from "../format";
import { health } from "../health";
import { t } from "../i18n";

/** How long files are kept, as the service says; nothing until it has. */
export function Kept() {
  const kept = health.value?.retention;
  if (!kept) return null;
  const { upload_days: uploads, result_days: results } = kept;
  if (uploads === null && results === null) return <>{t("common.kept.ever")}</>;
  return (
    <>
      {uploads === null ? t("common.kept.uploads_ever") : t("common.kept.uploads", { time: days(uploads) })}{" "}
      {results === null ? t("common.kept.results_ever") : t("common.kept.results", { time: days(results) })}
    </>
  );
}
