import { useState } from "preact/hooks";
import type { Entry } from "../entries";
import { t } from "../i18n";
import { lazily } from "../lazily";
import type { View } from "../view";

interface Props {
  entry: Entry;
  view: View;
}

const Facts = lazily("Facts", () => import("../later/Facts"));

/** What a job's record tells, closed until someone wants to know. */
export function Details(props: Props) {
  const [wanted, setWanted] = useState(false);
  return (
    <details class="more" onToggle={() => setWanted(true)}>
      <summary>{t("jobs.details.title")}</summary>
      {wanted && <Facts {...props} />}
    </details>
  );
}
