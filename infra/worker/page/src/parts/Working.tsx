import type { Entry } from "../entries";
import { duration } from "../format";
import { t } from "../i18n";
import { jobs } from "../jobs";
import { amount, nameOf, speedWords, stageWords } from "../jobwords";
import { useNow } from "../now";
import { secondsLeft } from "../remaining";
import { type CardState, STEP_COUNT } from "../state";
import { StageBar } from "./StageBar";

interface Props {
  entry: Entry;
  state: Extract<CardState, { kind: "working" }>;
}

/** A job that a machine works on: which stage it is at, how far, and for how long still. */
export function Working({ entry, state }: Props) {
  const { step, stage, progress, attempt } = state;
  const what = entry.stop === "no" ? stageWords(stage) : t("jobs.stopping");
  const done = amount(progress);
  const speed = speedWords(progress);
  const spoken = [what, done].filter(Boolean).join(", ");
  return (
    <>
      <StageBar
        label={t("jobs.bar.label", { name: nameOf(entry) })}
        step={step}
        percent={progress.percent}
        text={step < 0 ? spoken : t("jobs.bar.step", { step: step + 1, steps: STEP_COUNT, what: spoken })}
      />
      <p class="two">
        <span>
          <b>{what}</b>
          {done && ` · ${done}`}
        </span>
        {entry.stop === "no" && <Left id={entry.id} told={progress.left_s} />}
        {speed && <span class="soft">{speed}</span>}
      </p>
      {attempt > 1 && <p class="small soft">{t("jobs.bar.interrupted", { attempt })}</p>}
    </>
  );
}

function Left({ id, told }: { id: string | null; told: number | null }) {
  const now = useNow(1000);
  const left = secondsLeft(jobs.seen.value.get(id ?? "")?.samples ?? [], now, told);
  // What is done next is another stage, or the end.
  return left === null || left < 1 ? null : (
    <span class="soft">{t("jobs.bar.left", { time: duration(rounded(left)) })}</span>
  );
}

/** To tens of seconds from half a minute on: it is an estimate. */
function rounded(seconds: number): number {
  return seconds < 30 ? Math.ceil(seconds) : Math.ceil(seconds / 10) * 10;
}
