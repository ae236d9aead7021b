import { type ReadonlySignal, signal } from "@preact/signals";
import { visit } from "./storage";

const STORED = "swapdrop.consent";
const given = signal(visit.getItem(STORED) === "true");

/** Whether the tick is set; remembered for this visit only. */
export const consent: ReadonlySignal<boolean> = given;

/** Set the tick, or take it away. */
export function setConsent(on: boolean): void {
  given.value = on;
  visit.setItem(STORED, String(on));
}
