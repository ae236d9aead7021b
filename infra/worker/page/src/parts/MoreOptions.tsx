import { useState } from "preact/hooks";
import { t } from "../i18n";
import { lazily } from "../lazily";

const FineOptions = lazily("FineOptions", () => import("../later/FineOptions"));

/** What few people change, closed until someone wants to. */
export function MoreOptions() {
  const [wanted, setWanted] = useState(false);
  return (
    <details class="more" onToggle={() => setWanted(true)}>
      <summary>{t("composer.options.more")}</summary>
      {wanted && <FineOptions />}
    </details>
  );
}
