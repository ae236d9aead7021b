import { type Entry, newEntry } from "../../page/src/entries";
import type { SwapRequest } from "../../page/src/request";
import type { View } from "../../page/src/view";

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

/** A job as the service tells of it. */
export function aView(id: string, changes: Partial<View> = {}): View {
  return {
    version: 1,
    job_id: id,
    rev: 3,
    write_id: "w",
    status: "processing",
    stage: "swap",
    progress: 0,
    attempt: 1,
    max_attempts: 3,
    not_before: null,
    created_at: "2026-11-29T10:00:00.000Z",
    updated_at: "2026-11-29T10:00:00.000Z",
    started_at: null,
    finished_at: null,
    timings_ms: {},
    result: null,
    faces: null,
    warnings: [],
    error: null,
    engine: null,
    id,
    type: "single-image",
    progress_detail: {
      done: 0,
      total: 0,
      unit: "faces",
      percent: 0,
      fps: null,
      left_s: null,
      segments: null,
    },
    result_url: null,
    error_message: null,
    ...changes,
  };
}
