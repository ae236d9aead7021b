import type { Entry } from "../entries";
import { days } from "../format";
import { health } from "../health";
import { t } from "../i18n";
import type { View } from "../view";
import { Again } from "./Again";
import { Details } from "./Details";

/** A job that was stopped. */
export function Cancelled({ entry, view }: { entry: Entry; view: View }) {
  return (
    <>
      <p class="note">{t("jobs.cancelled.text")}</p>
      <p class="actions">
        <Again entry={entry} />
      </p>
      <Details entry={entry} view={view} />
    </>
  );
}

/** A job that the service has no longer. */
export function Deleted({ entry }: { entry: Entry }) {
  const kept = health.value?.retention.result_days ?? null;
  const known = entry.note.request !== null && kept !== null;
  return (
    <p class="note">{known ? t("jobs.deleted.after", { time: days(kept) }) : t("jobs.deleted.unknown")}</p>
  );
}
