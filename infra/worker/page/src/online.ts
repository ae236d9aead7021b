import { type ReadonlySignal, signal } from "@preact/signals";
import { sleep, until } from "./wait";

const PROBE_MS = 3000;

const reachable = signal(globalThis.navigator?.onLine !== false);
const pauseEnd = signal<number | null>(null);
const away = signal(false);

/** Whether the service answers; what cannot be sent meanwhile is kept and sent later. */
export const online: ReadonlySignal<boolean> = reachable;

/** When the service will take requests again after "too many", in milliseconds of the clock; null: now. */
export const pausedUntil: ReadonlySignal<number | null> = pauseEnd;

/** Listen to the browser's own word about the network; returns what ends it. */
export function watchConnection(): () => void {
  const gone = () => lost();
  const back = () => void reached();
  window.addEventListener("offline", gone);
  window.addEventListener("online", back);
  if (!reachable.value) lost();
  return () => {
    window.removeEventListener("offline", gone);
    window.removeEventListener("online", back);
  };
}

/** A request got no answer: look for the service until it gives one. */
export function lost(): void {
  reachable.value = false;
  if (away.value) return;
  away.value = true;
  void look();
}

/** A request got an answer, whichever. */
export function answered(): void {
  reachable.value = true;
}

/** Ask whether the service answers; it is looked for if not. */
export async function reached(): Promise<boolean> {
  await fetch("/health", { cache: "no-store" }).then(answered, lost);
  return reachable.value;
}

/** Resolves as soon as the service can be reached; at once if it can. */
export async function whenOnline(signal?: AbortSignal): Promise<void> {
  await until(reachable, Boolean, signal);
}

/** Wait as long as the service asked for; everything that is sent meanwhile waits too. */
export async function pause(seconds: number, signal?: AbortSignal): Promise<void> {
  pauseEnd.value = Math.max(pauseEnd.value ?? 0, Date.now() + seconds * 1000);
  await whenUnpaused(signal);
}

/** Resolves when no pause is on. */
export async function whenUnpaused(signal?: AbortSignal): Promise<void> {
  for (let end = pauseEnd.value; end !== null; end = pauseEnd.value) {
    await sleep(Math.max(0, end - Date.now()), signal);
    if (pauseEnd.value === end) pauseEnd.value = null;
  }
}

async function look(): Promise<void> {
  while (!reachable.value) {
    await sleep(PROBE_MS);
    await reached();
  }
  away.value = false;
}
