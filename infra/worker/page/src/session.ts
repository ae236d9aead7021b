import { type ReadonlySignal, signal } from "@preact/signals";
import { until } from "./wait";

/** `open`: nothing is asked; `asking`: the dialog is open; `refused`: it was closed without one. */
type Session = "open" | "asking" | "refused";

const state = signal<Session>("open");

/** Whether the service wants its token from whoever uses this page. */
export const session: ReadonlySignal<Session> = state;

/** The service refused a request for want of a token; resolves once it has taken one. */
export async function tokenGiven(signal?: AbortSignal): Promise<void> {
  if (state.value === "open") state.value = "asking";
  await until(state, (now) => now === "open", signal);
}

/** The service took the token: what waited goes on. */
export function tokenTaken(): void {
  state.value = "open";
}

/** The dialog was closed without a token. */
export function tokenRefused(): void {
  if (state.value === "asking") state.value = "refused";
}

/** Ask again after it was closed. */
export function askForToken(): void {
  state.value = "asking";
}
