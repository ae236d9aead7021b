import type { Entry } from "./entries";
import * as format from "./format";
import { known, language, t } from "./i18n";
import type { CardState } from "./state";
import type { JobWarning, Progress, View } from "./view";

/** What a job is called: its file, or the beginning of its id where that is all there is. */
export function nameOf(entry: Entry): string {
  return entry.note.name || t("jobs.unnamed", { id: (entry.id ?? "").slice(0, 8) });
}

/** What a stage does; its own name where it is one of a later version. */
export function stageWords(stage: string): string {
  const key = `stages.${stage}`;
  return known(key) ? t(key) : stage;
}

/** How much of a stage is done, "" where that is not known or there is but one thing to do. */
export function amount({ done, total, unit }: Progress): string {
  if (total <= 1) return "";
  if (unit === "bytes") return t("jobs.bar.bytes", { done: format.bytes(done), total: format.bytes(total) });
  const key = `jobs.bar.${unit}`;
  return known(key) ? t(key, { done, count: total }) : "";
}

/** At what speed a video is worked on and how many of its parts are done, "" where neither is told. */
export function speedWords({ fps, segments }: Progress): string {
  const speed = fps ? [t("jobs.bar.fps", { fps })] : [];
  const { done = 0, total: count = 0 } = segments ?? {};
  return [...speed, ...(count > 1 ? [t("jobs.bar.parts", { done, count })] : [])].join(" · ");
}

/** What an error's code means; its own sentence where it is one of a later version. */
export function errorWords(code: string, message: string): string {
  const key = `errors.${code}`;
  return known(key) ? t(key) : message || t("errors.internal");
}

/** What the warnings say, each code once, with the people it is about: those the sentences call `face_<n>`. */
export function warningLines(warnings: readonly JobWarning[]): string[] {
  const codes = [...new Set(warnings.map((warning) => warning.code))];
  return codes.flatMap((code) => {
    const same = warnings.filter((warning) => warning.code === code);
    const key = `warnings.${code}`;
    if (!known(key)) return same.map((warning) => warning.message);
    return [about(same.flatMap(peopleOf), t(key))];
  });
}

/** What screen readers are told when a job has come to another stage or its end, "" where that is nothing new. */
export function spoken(state: CardState, name: string): string {
  switch (state.kind) {
    case "working":
      return `${name}: ${stageWords(state.stage)}`;
    case "completed":
    case "cancelled":
    case "deleted":
      return t(`jobs.${state.kind === "completed" ? "done" : state.kind}.said`, { name });
    case "failed":
    case "refused":
      return t("jobs.failed.said", { name });
    default:
      return "";
  }
}

/** How many faces were swapped, of how many that were found, in what time. */
export function swappedWords({ result, faces, started_at, finished_at }: View): string {
  const swapped = result?.faces_swapped ?? faces?.filter((face) => face.swapped).length ?? 0;
  const found = Math.max(swapped, faces?.length ?? 0);
  const time = format.duration(secondsBetween(started_at, finished_at));
  return found > swapped
    ? t("jobs.done.some", { swapped, count: found, time })
    : t("jobs.done.all", { count: swapped, time });
}

function secondsBetween(from: string | null, to: string | null): number {
  return from && to ? (Date.parse(to) - Date.parse(from)) / 1000 : 0;
}

function peopleOf({ message }: JobWarning): number[] {
  return [...message.matchAll(/face_(\d+)/gi)].map((match) => Number(match[1]) + 1);
}

function about(people: readonly number[], what: string): string {
  const numbers = [...new Set(people)].map(String);
  if (numbers.length === 0) return what;
  if (numbers.length === 1) return t("jobs.done.person", { number: numbers[0] ?? "", what });
  return t("jobs.done.persons", { list: new Intl.ListFormat(language.value).format(numbers), what });
}
