import type { Entry } from "../entries";
import { t } from "../i18n";
import { nameOf, warningLines } from "../jobwords";
import { lazily } from "../lazily";
import type { View } from "../view";
import { Again } from "./Again";
import { Compare } from "./Compare";
import { Details } from "./Details";
import { Notices } from "./Notice";

interface Props {
  entry: Entry;
  view: View;
}

const VideoResult = lazily("VideoResult", () => import("../later/VideoResult"));
const BASIC = "basic_engine";

/** What a job has made: before and after, how it was made, what to know of it, and the file. */
export function Done({ entry, view }: Props) {
  const basic = view.warnings.some((warning) => warning.code === BASIC);
  const others = view.warnings.filter((warning) => warning.code !== BASIC);
  const name = nameOf(entry);
  const isVideo = view.result?.content_type.startsWith("video/");
  return (
    <>
      {isVideo ? <VideoResult entry={entry} view={view} /> : <Compare entry={entry} view={view} />}
      <p class="chips">
        <span class={basic ? "chip warn" : "chip"}>
          {basic ? t("warnings.basic_engine") : t("jobs.done.full_engine")}
        </span>
        <span class="chip good">{t("jobs.done.marked")}</span>
      </p>
      <Notices lines={warningLines(others)} />
      <p class="actions">
        {view.result_url && (
          <a class="btn sm" href={view.result_url} download aria-label={t("jobs.download_named", { name })}>
            {t("jobs.download")}
          </a>
        )}
        <Again entry={entry} />
      </p>
      <Details entry={entry} view={view} />
    </>
  );
}
