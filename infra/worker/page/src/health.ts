import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { components } from "../../contract";
import { sleep } from "./wait";

/** What the service says of itself; limits in bytes, retention in days (null: nothing is deleted by itself). */
export type Health = components["schemas"]["Health"];

const RETRY_MS = 10_000;
const answer = signal<Health | null>(null);

/** What the service said, null until it has. */
export const health: ReadonlySignal<Health | null> = answer;

/** Whether people must attest that those shown agreed; assumed until the service has spoken. */
export const consentNeeded: ReadonlySignal<boolean> = computed(() => answer.value?.require_consent !== false);

/** Ask the service until it has answered. */
export async function watchHealth(): Promise<void> {
  while (answer.value === null) {
    answer.value = await ask();
    if (answer.value === null) await sleep(RETRY_MS);
  }
}

/** `/health` speaks without the envelope, and also when it is unwell. */
async function ask(): Promise<Health | null> {
  try {
    const said: Partial<Health> = await (await fetch("/health", { cache: "no-store" })).json();
    return said.limits && said.retention ? (said as Health) : null;
  } catch {
    return null;
  }
}
