import { ApiError } from "./api";
import { type Entry, isOver } from "./entries";

/** What sending needs of the list of jobs and of the service. */
export interface OutboxWorld {
  entries(): readonly Entry[];
  /** The entry as it is stored now, perhaps by another tab. */
  entry(key: string): Entry | undefined;
  /** Do it when no other tab does the same under that name. */
  alone(name: string, act: () => Promise<void>): Promise<void>;
  change(key: string, changes: Partial<Entry>): void;
  /** Send a job under its Idempotency-Key, any number of times; resolves to its id. */
  post(entry: Entry): Promise<string>;
  cancel(id: string): Promise<void>;
  /** Resolves when it is worth trying again after that error, `failures` in a row so far. */
  untilBack(error: unknown, failures: number): Promise<void>;
  now(): number;
}

/** So many jobs of one page are with the service at once; more wait in the page. */
export const MOST_RUNNING = 5;

/** What could not be said for now: the service was not reached, or failed at something of its own. */
function passes(error: unknown): boolean {
  return !(error instanceof ApiError) || error.status >= 500 || error.status === 401;
}

/**
 * Sends what waits in the list, oldest first, five at once, and the wishes to stop; call `look` on any change.
 *
 * An entry stays until the service has answered: one that was sent without an answer is sent again with the
 * same key, which makes no second job.
 */
export class Outbox {
  /** Keys of what is on its way. */
  private readonly busy = new Set<string>();

  constructor(private readonly world: OutboxWorld) {}

  look(): void {
    const entries = this.world.entries().filter((entry) => !isOver(entry));
    for (const entry of entries) {
      if (entry.id && entry.stop === "wanted") void this.attempt(entry.key, (now) => this.stop(now));
    }
    const room =
      MOST_RUNNING - entries.filter((entry) => entry.id !== null || this.busy.has(entry.key)).length;
    const waiting = entries.filter((entry) => entry.id === null && !this.busy.has(entry.key));
    const oldestFirst = waiting.toSorted((a, b) => a.madeAt - b.madeAt);
    for (const entry of oldestFirst.slice(0, Math.max(0, room))) {
      void this.attempt(entry.key, (now) => this.send(now));
    }
  }

  private async attempt(key: string, act: (entry: Entry) => Promise<void>): Promise<void> {
    if (this.busy.has(key)) return;
    this.busy.add(key);
    for (let failures = 1; ; failures++) {
      try {
        await this.world.alone(key, async () => {
          const entry = this.world.entry(key);
          if (entry) await act(entry);
        });
        break;
      } catch (error) {
        await this.world.untilBack(error, failures);
      }
    }
    this.busy.delete(key);
    this.look();
  }

  private async send(entry: Entry): Promise<void> {
    if (entry.id !== null || isOver(entry)) return;
    this.world.change(entry.key, { tried: true });
    try {
      const id = await this.world.post(entry);
      this.world.change(entry.key, { id, sentAt: this.world.now() });
    } catch (error) {
      if (passes(error)) throw error;
      const { code, message } = error as ApiError;
      this.world.change(entry.key, { refused: { code, message } });
    }
  }

  private async stop(entry: Entry): Promise<void> {
    if (entry.id === null || entry.stop !== "wanted" || isOver(entry)) return;
    try {
      await this.world.cancel(entry.id);
      this.world.change(entry.key, { stop: "told" });
    } catch (error) {
      if (passes(error)) throw error;
      // It has ended before, or is gone: the record will tell, and nothing of this wish is left.
      this.world.change(entry.key, { stop: "no" });
    }
  }
}
