import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { announce } from "./announce";
import type { Entry } from "./entries";
import { jobs } from "./jobs";
import { nameOf, spoken } from "./jobwords";
import type { CardState } from "./state";

/** A heading that takes the focus when its job is to have it. */
export function useFocus(entry: Entry): RefObject<HTMLHeadingElement | null> {
  const heading = useRef<HTMLHeadingElement>(null);
  const wanted = jobs.focused.value === entry.key;
  useEffect(() => {
    if (!wanted) return;
    heading.current?.focus();
    heading.current?.scrollIntoView({ block: "nearest" });
    jobs.focusTaken();
  }, [wanted]);
  return heading;
}

/** Tell screen readers of a job's stages and its end, but not of how it stood when the page was opened. */
export function useAnnounced(entry: Entry, state: CardState): void {
  const before = useRef<CardState["kind"]>("unknown");
  const words = spoken(state, nameOf(entry));
  useEffect(() => {
    if (words && before.current !== "unknown") announce(words);
    before.current = state.kind;
  }, [words, state.kind]);
}
