import { type ReadonlySignal, signal } from "@preact/signals";

const said = signal("");

/** What the page's one live region says to screen readers. */
export const spoken: ReadonlySignal<string> = said;

/** Say that something has changed stage or ended, never how many percent it is at. */
export function announce(text: string): void {
  // The same once more would be no change, and not be spoken.
  said.value = said.peek() === text ? `${text}\u00a0` : text;
}
