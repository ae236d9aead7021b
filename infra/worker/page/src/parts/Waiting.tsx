import type { Entry } from "../entries";
import { t } from "../i18n";
import type { CardState } from "../state";
import { Pulse } from "./Pulse";

type WaitingState = Extract<CardState, { kind: "waiting" }>;

/** A job that stands in line. */
export function Waiting({ entry, state }: { entry: Entry; state: WaitingState }) {
  return <Pulse words={entry.stop === "no" ? words(state) : t("jobs.stopping")} />;
}

function words({ ahead, alone, interrupted }: WaitingState): string {
  if (interrupted) return t("jobs.waiting.interrupted");
  if (alone) return t("jobs.waiting.alone");
  if (ahead === null) return t("jobs.waiting.some");
  return ahead === 0 ? t("jobs.waiting.next") : t("jobs.waiting.ahead", { count: ahead });
}
