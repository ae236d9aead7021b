import { useEffect } from "preact/hooks";
import { useAnnounced, useFocus } from "../cardhooks";
import { type Entry, isOver } from "../entries";
import { t } from "../i18n";
import { jobs } from "../jobs";
import { useNow } from "../now";
import { type CardState, cardState } from "../state";
import type { View } from "../view";
import { Done } from "./Done";
import { Cancelled, Deleted } from "./Ends";
import { JobHead } from "./JobHead";
import { Problem } from "./Problem";
import { Pulse } from "./Pulse";
import { Unsent } from "./Unsent";
import { Waiting } from "./Waiting";
import { Working } from "./Working";

interface Props {
  entry: Entry;
}

/** One job, from the wait in this page to its result. */
export function JobCard({ entry }: Props) {
  const seen = entry.id === null ? undefined : jobs.seen.value.get(entry.id);
  const now = useNow(isOver(entry) ? null : 5000);
  const state = cardState(entry, seen?.view, now);
  useEffect(() => {
    if (entry.id) jobs.watch(entry.id);
  }, [entry.id]);
  useAnnounced(entry, state);
  return (
    <article class="card job" aria-labelledby={`job-${entry.key}`}>
      <JobHead entry={entry} state={state} heading={useFocus(entry)} />
      <Body entry={entry} state={state} />
    </article>
  );
}

function Body({ entry, state }: Props & { state: CardState }) {
  switch (state.kind) {
    case "unsent":
      return <Unsent entry={entry} />;
    case "refused":
      return <Problem entry={entry} code={state.code} message={state.message} />;
    case "unknown":
      return <Pulse words={t("jobs.unknown")} />;
    case "waiting":
      return <Waiting entry={entry} state={state} />;
    case "working":
      return <Working entry={entry} state={state} />;
    case "completed":
      return <Done entry={entry} view={state.view} />;
    case "failed":
      return <Problem entry={entry} {...failure(state.view)} view={state.view} />;
    case "cancelled":
      return <Cancelled entry={entry} view={state.view} />;
    case "deleted":
      return <Deleted entry={entry} />;
  }
}

function failure({ error }: View): { code: string; message: string } {
  return { code: error?.code ?? "internal", message: error?.message ?? "" };
}
