import { again } from "../draft";
import type { Entry } from "../entries";
import { t } from "../i18n";

/** Fill in the same files and choices once more; nothing where they are not known here. */
export function Again({ entry }: { entry: Entry }) {
  const { request } = entry.note;
  if (!request) return null;
  return (
    <button class="btn second sm" type="button" onClick={() => again(request, "start")}>
      {t("jobs.again")}
    </button>
  );
}
