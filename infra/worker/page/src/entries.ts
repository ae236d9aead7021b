import type { SwapRequest } from "./request";
import type { Kept } from "./storage";
import type { Ending } from "./view";

/** What the page itself knows of a job: its file's name, a small picture (a `data:` URL), how many people. */
export interface JobNote {
  name: string;
  thumb: string | null;
  people: number;
  request: SwapRequest;
}

/** How a job ended, as last seen; `deleted` is no state of a record, but that there is none any more. */
export type Ended = Ending | "deleted";

/** A job in this browser's list. What became of it is always asked of the service, never read from here. */
export interface Entry {
  /** Its Idempotency-Key, and its name within the page. */
  key: string;
  /** When it was started, and when the service took it, in milliseconds of the clock. */
  madeAt: number;
  sentAt: number | null;
  /** Without a request it came as a link, from somebody else's page perhaps. */
  note: Omit<JobNote, "request"> & { request: SwapRequest | null };
  consent: boolean;
  /** Whether it was ever on its way: the service may know it although it has no id here. */
  tried: boolean;
  id: string | null;
  /** Whether the person wants it to stop, and whether the service has been told. */
  stop: "no" | "wanted" | "told";
  refused: { code: string; message: string } | null;
  ended: Ended | null;
}

const STORED = "swapdrop.jobs";
const MOST = 50;

/** An entry for a job that is about to be sent. */
export function newEntry(key: string, note: JobNote, consent: boolean, now: number): Entry {
  return { ...blank(key, now), note, consent };
}

/** An entry for a job that is known by its id alone. */
export function linkedEntry(id: string, now: number): Entry {
  return { ...blank(`link-${id}`, now), id, tried: true, sentAt: now };
}

/** Whether nothing more will happen to it by itself. */
export function isOver(entry: Entry): boolean {
  return entry.ended !== null || entry.refused !== null;
}

/** The list as it is stored, newest first; whatever is not readable counts as not there. */
export function readEntries(storage: Kept): Entry[] {
  try {
    const list: unknown = JSON.parse(storage.getItem(STORED) ?? "[]");
    return Array.isArray(list) ? list.filter(isEntry) : [];
  } catch {
    return [];
  }
}

/**
 * Change the list as it is stored now, perhaps by another tab, and return it as it is then.
 *
 * Of more than 50 the oldest that are over go first. Where there is no room the small pictures go.
 */
export function changeEntries(storage: Kept, change: (entries: Entry[]) => Entry[]): Entry[] {
  const entries = shortened(change(readEntries(storage)));
  try {
    storage.setItem(STORED, JSON.stringify(entries));
  } catch {
    const bare = entries.map((entry) => ({ ...entry, note: { ...entry.note, thumb: null } }));
    storage.setItem(STORED, JSON.stringify(bare));
  }
  return entries;
}

/** Call `changed` when another tab has changed the list; returns what ends it. */
export function onOtherTab(changed: () => void): () => void {
  const listen = (event: StorageEvent) => {
    if (event.key === STORED || event.key === null) changed();
  };
  window.addEventListener("storage", listen);
  return () => window.removeEventListener("storage", listen);
}

function shortened(entries: Entry[]): Entry[] {
  const newestFirst = entries.toSorted((a, b) => b.madeAt - a.madeAt);
  let excess = newestFirst.length - MOST;
  return newestFirst
    .toReversed()
    .filter((entry) => !(isOver(entry) && excess-- > 0))
    .toReversed();
}

function blank(key: string, now: number): Entry {
  return {
    key,
    madeAt: now,
    sentAt: null,
    note: { name: "", thumb: null, people: 0, request: null },
    consent: false,
    tried: false,
    id: null,
    stop: "no",
    refused: null,
    ended: null,
  };
}

function isEntry(value: unknown): value is Entry {
  return typeof value === "object" && value !== null && "key" in value && "note" in value;
}
