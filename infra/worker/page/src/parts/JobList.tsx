import { useEffect, useState } from "preact/hooks";
import { type Entry, isOver } from "../entries";
import { t } from "../i18n";
import { jobs, openJobs } from "../jobs";
import { History } from "./History";
import { JobCard } from "./JobCard";

/** So many cards are shown besides those of jobs that have not ended; the rest is in the history. */
const CARDS = 6;

/** What became of everything that was started here. */
export function JobList() {
  const [all, setAll] = useState(false);
  useEffect(openJobs, []);
  const entries = jobs.entries.value;
  const shown = entries.filter(isShown);
  return (
    <section class="jobs" id="jobs" aria-labelledby="jobs-title">
      <header>
        <h2 id="jobs-title" tabIndex={-1}>
          {t("jobs.title")}
        </h2>
        {entries.length > 1 && (
          <button class="link" type="button" onClick={() => setAll(true)}>
            {t("jobs.all", { count: entries.length })}
          </button>
        )}
      </header>
      {entries.length === 0 && <p class="card empty">{t("jobs.empty")}</p>}
      {shown.map((entry) => (
        <JobCard key={entry.key} entry={entry} />
      ))}
      <History open={all} onClose={() => setAll(false)} />
    </section>
  );
}

function isShown(entry: Entry, place: number): boolean {
  return place < CARDS || !isOver(entry) || entry.key === jobs.opened.value;
}
