import type { RefObject } from "preact";
import type { Entry } from "../entries";
import { moment } from "../format";
import { t } from "../i18n";
import { jobs } from "../jobs";
import { nameOf, swappedWords } from "../jobwords";
import type { CardState } from "../state";

interface Props {
  entry: Entry;
  state: CardState;
  heading: RefObject<HTMLHeadingElement | null>;
}

/** A card's first lines: which job it is, how it stands in a few words, and the way to stop it. */
export function JobHead({ entry, state, heading }: Props) {
  const name = nameOf(entry);
  const { thumb } = entry.note;
  return (
    <header class="head">
      {thumb && state.kind !== "completed" && <img src={thumb} alt="" width="48" height="48" />}
      <div>
        <h3 id={`job-${entry.key}`} ref={heading} tabIndex={-1}>
          {name}
        </h3>
        <Line entry={entry} state={state} />
      </div>
      {canStop(entry, state) && (
        <button
          class="plain"
          type="button"
          aria-label={t("jobs.cancel_named", { name })}
          onClick={() => jobs.stop(entry)}
        >
          {t("jobs.cancel")}
        </button>
      )}
    </header>
  );
}

function canStop(entry: Entry, state: CardState): boolean {
  const open = state.kind === "unsent" || state.kind === "waiting" || state.kind === "working";
  return entry.stop === "no" && open;
}

function Line({ entry, state }: Omit<Props, "heading">) {
  switch (state.kind) {
    case "completed":
      return (
        <p class="small soft">
          {swappedWords(state.view)} · {moment(state.view.finished_at ?? entry.madeAt)}
        </p>
      );
    case "failed":
      return <StateLine tone="bad" words={t("jobs.failed.title")} />;
    case "refused":
      return <StateLine tone="bad" words={t("jobs.failed.refused")} />;
    case "cancelled":
    case "deleted":
      return <StateLine tone="soft" words={t(`jobs.${state.kind}.title`)} />;
    default:
      return <p class="small soft">{begun(entry)}</p>;
  }
}

function StateLine({ tone, words }: { tone: "bad" | "soft"; words: string }) {
  return (
    <p class={`state ${tone}`}>
      <span class="dot" />
      {words}
    </p>
  );
}

function begun({ note, madeAt }: Entry): string {
  const people = note.people > 0 ? [t("jobs.people", { count: note.people })] : [];
  return [...people, t("jobs.at", { time: moment(madeAt) })].join(" · ");
}
