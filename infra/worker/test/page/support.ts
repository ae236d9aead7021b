import { type Entry, newEntry } from "../../page/src/entries";
import type { SwapRequest } from "../../page/src/request";
import type { View } from "../../page/src/view";
import views from "../contract/views.json";

/** Let everything that is ready to run do so. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

/** As the browser's: strings, kept for as long as the object is. */
export class MemoryStorage implements Storage {
  private readonly map = new Map<string, string>();
  /** Throws for a longer value, as a browser whose room is used up. */
  room = Number.POSITIVE_INFINITY;

  get length(): number {
    return this.map.size;
  }
  clear(): void {
    this.map.clear();
  }
  getItem(key: string): string | null {
    return this.map.get(key) ?? null;
  }
  key(index: number): string | null {
    return [...this.map.keys()][index] ?? null;
  }
  removeItem(key: string): void {
    this.map.delete(key);
  }
  setItem(key: string, value: string): void {
    if (value.length > this.room) throw new Error("QuotaExceededError");
    this.map.set(key, value);
  }
}

const TARGET = { fileId: `${"a".repeat(32)}.jpg`, name: "team.jpg", type: "image/jpeg", size: 1000 };
const FACE = { fileId: `${"b".repeat(32)}.jpg`, name: "face.jpg", type: "image/jpeg", size: 1000 };

/** A request for one new face. */
export function aRequest(): SwapRequest {
  return { kind: "picture", target: TARGET, everyone: FACE, faces: {}, manyFaces: false, options: {} };
}

/** What the page knows of a job with that file. */
export function aNote(name = "team.jpg") {
  return { name, thumb: null, people: 1, request: aRequest() };
}

/** An entry, as of a job that was just started. */
export function anEntry(key: string, changes: Partial<Entry> = {}): Entry {
  return { ...newEntry(key, aNote(), true, 0), ...changes };
}

const waitingView = views.find(({ record }) => record === null)?.view as View;

/** A job as the service tells of it: one that a machine works on. */
export function aView(id: string, changes: Partial<View> = {}): View {
  const { queue: _queue, ...waiting } = waitingView;
  const begun = { rev: 3, write_id: "w", status: "processing", stage: "swap", attempt: 1 } as const;
  return { ...waiting, ...begun, job_id: id, id, ...changes };
}
