import { computed, effect, type ReadonlySignal, signal, untracked } from "@preact/signals";
import {
  changeEntries,
  type Entry,
  isOver,
  type JobNote,
  linkedEntry,
  newEntry,
  readEntries,
} from "./entries";
import { type FollowWorld, follow } from "./follow";
import { Outbox, type OutboxWorld } from "./outbox";
import { remember, type Sample } from "./remaining";
import type { Kept } from "./storage";
import { ending, type View } from "./view";

type SendWorld = Pick<OutboxWorld, "alone" | "post" | "cancel" | "untilBack" | "now">;

/** What the list of jobs needs of the browser and the service. */
export interface StoreWorld extends FollowWorld, SendWorld {
  storage: Kept;
  newKey(): string;
  /** Call when another tab has changed the stored list; returns what ends it. */
  onOtherTab(changed: () => void): () => void;
}

/** A job as last seen, and how its stage has moved. */
export interface Seen {
  view: View;
  samples: Sample[];
}

/** The jobs of this browser: kept in its storage, sent, followed, and shown as the service tells of them. */
export class JobStore {
  private readonly kept = signal<Entry[]>([]);
  private readonly linked = signal<Entry | null>(null);
  private readonly records = signal<ReadonlyMap<string, Seen>>(new Map());
  private readonly wanted = signal<string | null>(null);
  private readonly revealed = signal<string | null>(null);
  private readonly following = new Map<string, () => void>();
  private readonly outbox: Outbox;

  /** Newest first; before them one that the page's address names and this browser does not know. */
  readonly entries: ReadonlySignal<readonly Entry[]> = computed(() => {
    const link = this.linked.value;
    const kept = this.kept.value;
    return link && !kept.some((entry) => entry.id === link.id) ? [link, ...kept] : kept;
  });
  /** By job id. */
  readonly seen: ReadonlySignal<ReadonlyMap<string, Seen>> = this.records;
  /** How many have not ended, those that wait in the page among them. */
  readonly runningCount: ReadonlySignal<number> = computed(
    () => this.entries.value.filter((entry) => !isOver(entry)).length,
  );
  /** Key of the entry whose heading is to take the focus. */
  readonly focused: ReadonlySignal<string | null> = this.wanted;
  /** Key of the one that was asked for, to be shown however old it is. */
  readonly opened: ReadonlySignal<string | null> = this.revealed;

  constructor(private readonly world: StoreWorld) {
    this.kept.value = readEntries(world.storage);
    this.outbox = new Outbox({
      ...sendWorld(world),
      entries: () => this.entries.peek(),
      entry: (key) => this.stored(key),
      change: (key, changes) => this.change(key, changes),
    });
  }

  /** Send and follow what is in the list, and heed other tabs; returns what ends it. */
  begin(): () => void {
    const unlisten = this.world.onOtherTab(() => {
      this.kept.value = readEntries(this.world.storage);
    });
    const dispose = effect(() => {
      const entries = this.entries.value;
      untracked(() => this.tend(entries));
    });
    return () => {
      unlisten();
      dispose();
      for (const end of this.following.values()) end();
      this.following.clear();
    };
  }

  /** Keep a job at once, send it when there is room, and give its card the focus; its key. */
  start(note: JobNote, consent: boolean): string {
    const entry = newEntry(this.world.newKey(), note, consent, this.world.now());
    this.update((entries) => [entry, ...entries]);
    this.wanted.value = entry.key;
    return entry.key;
  }

  /** Have the job with that id in the list, and give its card the focus. */
  show(id: string): void {
    const known = this.kept.peek().find((entry) => entry.id === id);
    const entry = known ?? linkedEntry(id, this.world.now());
    if (!known) this.linked.value = entry;
    this.reveal(entry.key);
  }

  /** Show an entry of the list, and give its card the focus. */
  reveal(key: string): void {
    this.revealed.value = key;
    this.wanted.value = key;
  }

  /** The heading has the focus. */
  focusTaken(): void {
    this.wanted.value = null;
  }

  /** Stop a job; one that was never on its way is out of the list. */
  stop(entry: Entry): void {
    if (entry.id === null && !entry.tried) this.forget(entry.key);
    else this.change(entry.key, { stop: "wanted" });
  }

  /** Take an entry out of the list; the job itself goes on. */
  forget(key: string): void {
    if (this.linked.peek()?.key === key) this.linked.value = null;
    this.update((entries) => entries.filter((entry) => entry.key !== key));
  }

  /** Look at a job that had ended when it was last seen: what is shown is asked for. */
  watch(id: string): void {
    if (this.following.has(id)) return;
    const follower = {
      seen: (view: View) => this.take(id, view),
      gone: () => this.deleted(id),
    };
    this.following.set(id, follow(id, follower, this.world));
  }

  /** The service has the job or its result no longer. */
  deleted(id: string): void {
    this.changeJob(id, { ended: "deleted" });
  }

  private tend(entries: readonly Entry[]): void {
    this.outbox.look();
    for (const entry of entries) if (entry.id && !isOver(entry)) this.watch(entry.id);
    for (const [id, end] of this.following) {
      if (entries.some((entry) => entry.id === id)) continue;
      end();
      this.following.delete(id);
    }
  }

  private take(id: string, view: View): void {
    const before = this.records.peek().get(id)?.samples ?? [];
    const { done, total } = view.progress_detail;
    const sample = { at: this.world.now(), stage: `${view.attempt} ${view.stage}`, done, total };
    this.records.value = new Map(this.records.peek()).set(id, { view, samples: remember(before, sample) });
    this.changeJob(id, { ended: ending(view) });
  }

  private stored(key: string): Entry | undefined {
    const link = this.linked.peek();
    return link?.key === key ? link : readEntries(this.world.storage).find((entry) => entry.key === key);
  }

  private changeJob(id: string, { ended }: Pick<Entry, "ended">): void {
    for (const entry of this.entries.peek()) {
      if (entry.id === id && entry.ended !== ended) this.change(entry.key, { ended });
    }
  }

  private change(key: string, changes: Partial<Entry>): void {
    const changed = (entry: Entry) => (entry.key === key ? { ...entry, ...changes } : entry);
    if (this.linked.peek()?.key === key) this.linked.value = changed(this.linked.peek() as Entry);
    else this.update((entries) => entries.map(changed));
  }

  private update(change: (entries: Entry[]) => Entry[]): void {
    this.kept.value = changeEntries(this.world.storage, change);
  }
}

function sendWorld({ alone, post, cancel, untilBack, now }: SendWorld): SendWorld {
  return { alone, post, cancel, untilBack, now };
}
