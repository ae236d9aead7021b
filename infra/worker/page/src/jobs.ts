import type { ReadonlySignal } from "@preact/signals";
import { ApiError, call, callIfChanged } from "./api";
import { type Entry, type JobNote, onOtherTab } from "./entries";
import { lost, whenOnline } from "./online";
import { body, processType } from "./request";
import { session } from "./session";
import { isShared, lasting } from "./storage";
import { JobStore, type StoreWorld } from "./store";
import type { View } from "./view";
import { sleep, until } from "./wait";

export type { JobNote } from "./entries";

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

/** This browser's jobs. */
export const jobs = new JobStore(browser());

/** How many have not ended. */
export const runningCount: ReadonlySignal<number> = jobs.runningCount;

/** Start a job: it is kept over reloads from here on, and sent under a key of its own as soon as it can be; its key. */
export function startJob(note: JobNote, consent: boolean): string {
  return jobs.start(note, consent);
}

/** Send and follow the jobs, and show the one that the address names; returns what ends it. */
export function openJobs(): () => void {
  const named = new URLSearchParams(location.search).get("job");
  if (named) jobs.show(named);
  return jobs.begin();
}

/** The status of a file, undefined without an answer: a picture that cannot be shown does not say why. */
export async function statusOf(url: string): Promise<number | undefined> {
  return (await fetch(url, { method: "HEAD" }).catch(lost))?.status;
}

function browser(): StoreWorld {
  return {
    storage: lasting,
    newKey,
    now: () => Date.now(),
    onOtherTab,
    alone,
    post,
    cancel: (id) => call(`/api/cancel/${encodeURIComponent(id)}`, { method: "POST" }),
    untilBack,
    look: (id, etag) => callIfChanged<View>(`/api/status/${encodeURIComponent(id)}`, etag),
    open: (url) => new EventSource(url),
    hidden: () => document.hidden,
    onShown(changed) {
      document.addEventListener("visibilitychange", changed);
      return () => document.removeEventListener("visibilitychange", changed);
    },
    after(ms, act) {
      const timer = setTimeout(act, ms);
      return () => clearTimeout(timer);
    },
    streams: { open: 0 },
  };
}

/** `crypto.randomUUID` is only there where the page came by https or from this machine. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Browsers have locks only where the page came by https or from this machine, and refuse them where they refuse
 * storage. Without one two tabs may send the same job, which the service knows by its key.
 */
async function alone(name: string, act: () => Promise<void>): Promise<void> {
  if (navigator.locks && isShared()) await navigator.locks.request(`swapdrop.${name}`, act);
  else await act();
}

async function post(entry: Entry): Promise<string> {
  const { request } = entry.note;
  if (!request) throw new Error("a job that came as a link is not sent");
  const { jobId } = await call<{ jobId: string }>(`/api/process/${processType(request)}`, {
    method: "POST",
    json: body(request, entry.consent, entry.madeAt),
    headers: { "Idempotency-Key": entry.key },
  });
  return jobId;
}

async function untilBack(error: unknown, failures: number): Promise<void> {
  if (error instanceof ApiError && error.status === 401) {
    await until(session, (state) => state === "open");
    return;
  }
  await sleep(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1)));
  await whenOnline();
}
