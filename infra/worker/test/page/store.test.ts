import { afterEach, beforeEach, expect, test } from "vitest";
import { ApiError, NetworkError } from "../../page/src/api";
import { type Entry, readEntries } from "../../page/src/entries";
import { JobStore, type StoreWorld } from "../../page/src/store";
import type { View } from "../../page/src/view";
import { aNote, aView, MemoryStorage, settle } from "./support";

type Answer = (value: string | Error) => void;

/** The service and the browser: `posts` and `cancels` wait for an answer, `jobs` is what looks are told. */
class FakeService {
  posts: { entry: Entry; answer: Answer }[] = [];
  cancels: { id: string; answer: Answer }[] = [];
  jobs = new Map<string, View>();
  looks: string[] = [];
  locks = new Map<string, Promise<void>>();
  private tabs: (() => void)[] = [];
  private clock = 0;
  private keys = 0;
  private back: (() => void)[] = [];
  private waits: (() => void)[] = [];

  constructor(readonly storage = new MemoryStorage()) {}

  /** A page that is opened on this storage. */
  page(): JobStore {
    return new JobStore(this.world());
  }

  /** Everything that waited for the service goes on. */
  async comeBack(): Promise<void> {
    for (const resolve of this.back.splice(0)) resolve();
    await settle();
  }

  /** The browser tells the tabs that the storage was changed. */
  async tellTabs(): Promise<void> {
    for (const changed of this.tabs) changed();
    await settle();
  }

  async tick(): Promise<void> {
    for (const act of this.waits.splice(0)) act();
    await settle();
  }

  /** The service takes the oldest request that waits for an answer. */
  async take(id: string): Promise<string> {
    const post = this.posts.shift();
    this.jobs.set(id, aView(id, { status: "pending", stage: "queued", rev: 0, attempt: 0 }));
    post?.answer(id);
    await settle();
    return post?.entry.key ?? "";
  }

  private world(): StoreWorld {
    const answered = (answers: Answer[]) =>
      new Promise<string>((resolve, reject) => {
        answers.push((value) => (value instanceof Error ? reject(value) : resolve(value)));
      });
    const asked = (push: (answer: Answer) => void) => {
      const answers: Answer[] = [];
      const promise = answered(answers);
      push(answers[0] as Answer);
      return promise;
    };
    return {
      storage: this.storage,
      newKey: () => `key-${++this.keys}`,
      now: () => ++this.clock,
      onOtherTab: (changed) => {
        this.tabs.push(changed);
        return () => {
          this.tabs = this.tabs.filter((other) => other !== changed);
        };
      },
      alone: (name, act) => {
        const turn = (this.locks.get(name) ?? Promise.resolve()).then(act);
        this.locks.set(
          name,
          turn.catch(() => {}),
        );
        return turn;
      },
      post: (entry) => asked((answer) => this.posts.push({ entry, answer })),
      cancel: async (id) => void (await asked((answer) => this.cancels.push({ id, answer }))),
      untilBack: () => new Promise((resolve) => this.back.push(resolve)),
      look: async (id) => {
        this.looks.push(id);
        const data = this.jobs.get(id);
        if (!data) throw new ApiError(404, "not_found", "No.", null);
        return { data, etag: `"${data.rev}"` };
      },
      open: () => {
        throw new Error("these pages are hidden");
      },
      hidden: () => true,
      onShown: () => () => {},
      after: (_ms, act) => {
        this.waits.push(act);
        return () => {
          this.waits = this.waits.filter((other) => other !== act);
        };
      },
      streams: { open: 0 },
    };
  }
}

let service: FakeService;
let page: JobStore;
let close: () => void;

beforeEach(() => {
  service = new FakeService();
  page = service.page();
  close = page.begin();
});
afterEach(() => close());

async function start(): Promise<void> {
  page.start(aNote(), true);
  await settle();
}

const stored = () => readEntries(service.storage);

test("a job is stored before it is sent, and its id when the service has taken it", async () => {
  page.start(aNote(), true);
  expect(service.posts).toEqual([]);
  expect(stored()).toMatchObject([{ key: "key-1", id: null, consent: true }]);
  await settle();
  await service.take("j1");
  expect(stored()).toMatchObject([{ key: "key-1", id: "j1" }]);
});

test("a job whose answer was lost is sent again under the same key", async () => {
  await start();
  service.posts.shift()?.answer(new NetworkError("lost"));
  await settle();
  expect(service.posts).toEqual([]);
  await service.comeBack();
  expect(await service.take("j1")).toBe("key-1");
  expect(page.entries.value).toHaveLength(1);
});

test("a page that is loaded anew sends what the last one could not, under the same key", async () => {
  await start();
  close();
  service.posts = [];
  service.locks.clear();
  page = service.page();
  close = page.begin();
  await settle();
  expect(await service.take("j1")).toBe("key-1");
  expect(page.entries.value).toMatchObject([{ id: "j1" }]);
});

test("five jobs are with the service at once, and the next goes when one has ended", async () => {
  for (let number = 1; number <= 7; number++) await start();
  expect(service.posts.map((post) => post.entry.key)).toEqual(["key-1", "key-2", "key-3", "key-4", "key-5"]);
  for (let number = 1; number <= 5; number++) await service.take(`j${number}`);
  expect(service.posts).toEqual([]);
  expect(page.runningCount.value).toBe(7);
  service.jobs.set("j2", aView("j2", { status: "failed", rev: 5 }));
  await service.tick();
  expect(service.posts.map((post) => post.entry.key)).toEqual(["key-6"]);
  expect(page.runningCount.value).toBe(6);
});

test("two tabs show the same jobs, and only one of them sends", async () => {
  const other = service.page();
  const closeOther = other.begin();
  await start();
  await service.tellTabs();
  expect(other.entries.value).toMatchObject([{ key: "key-1" }]);
  expect(service.posts).toHaveLength(1);
  await service.take("j1");
  await service.tellTabs();
  expect(service.posts).toEqual([]);
  expect(other.entries.value).toMatchObject([{ id: "j1" }]);
  expect(other.seen.value.get("j1")?.view.status).toBe("pending");
  closeOther();
});

test("a job that the service refuses is told, not sent again, and leaves its place to others", async () => {
  await start();
  service.posts.shift()?.answer(new ApiError(403, "consent_missing", "Tick it.", null));
  await settle();
  expect(page.entries.value).toMatchObject([{ refused: { code: "consent_missing", message: "Tick it." } }]);
  await service.comeBack();
  expect(service.posts).toEqual([]);
  expect(page.runningCount.value).toBe(0);
});

test("a service in trouble is no refusal", async () => {
  await start();
  service.posts.shift()?.answer(new ApiError(503, "storage_unavailable", "Later.", null));
  await settle();
  expect(page.entries.value).toMatchObject([{ refused: null }]);
  await service.comeBack();
  expect(service.posts).toHaveLength(1);
});

test("a job that was never on its way is out of the list when it is cancelled", () => {
  close();
  page.start(aNote(), true);
  page.stop(page.entries.value[0] as Entry);
  expect(page.entries.value).toEqual([]);
});

test("a job cancelled on its way is cancelled at the service as soon as its id is known", async () => {
  await start();
  page.stop(page.entries.value[0] as Entry);
  await service.take("j1");
  expect(service.cancels.map((cancel) => cancel.id)).toEqual(["j1"]);
  service.cancels[0]?.answer("");
  await settle();
  expect(stored()).toMatchObject([{ stop: "told", ended: null }]);
});

test("the wish to stop is told once, again after a lost answer, and nothing is shown as cancelled by it", async () => {
  await start();
  await service.take("j1");
  page.stop(page.entries.value[0] as Entry);
  await settle();
  service.cancels.shift()?.answer(new NetworkError("lost"));
  await settle();
  await service.comeBack();
  expect(service.cancels).toHaveLength(1);
  service.cancels.shift()?.answer("");
  await settle();
  expect(service.cancels).toEqual([]);
  expect(page.seen.value.get("j1")?.view.status).toBe("pending");
});

test("the wish to stop what has ended already is let go", async () => {
  await start();
  await service.take("j1");
  page.stop(page.entries.value[0] as Entry);
  await settle();
  service.cancels.shift()?.answer(new ApiError(409, "already_ended", "It has.", null));
  await settle();
  expect(stored()).toMatchObject([{ stop: "no" }]);
});

test("a job that the service has no longer is deleted, and stays in the list", async () => {
  await start();
  await service.take("j1");
  service.jobs.delete("j1");
  await service.tick();
  expect(stored()).toMatchObject([{ id: "j1", ended: "deleted" }]);
  expect(page.runningCount.value).toBe(0);
});

test("what was deleted when last seen is shown as its record tells, should there be one", async () => {
  await start();
  await service.take("j1");
  page.deleted("j1");
  close();
  page = service.page();
  close = page.begin();
  page.watch("j1");
  await settle();
  expect(stored()).toMatchObject([{ id: "j1", ended: null }]);
});

test("what had ended is asked for only when it is shown", async () => {
  await start();
  await service.take("j1");
  service.jobs.set("j1", aView("j1", { status: "completed", rev: 9 }));
  await service.tick();
  close();
  service.looks = [];
  page = service.page();
  close = page.begin();
  await settle();
  expect(service.looks).toEqual([]);
  expect(page.seen.value.size).toBe(0);
  page.watch("j1");
  await settle();
  expect(page.seen.value.get("j1")?.view.status).toBe("completed");
});

test("a job that a link names is shown and followed, and not kept", async () => {
  service.jobs.set("theirs", aView("theirs"));
  page.show("theirs");
  await settle();
  expect(page.entries.value).toMatchObject([{ id: "theirs", note: { request: null } }]);
  expect(page.focused.value).toBe("link-theirs");
  expect(page.seen.value.get("theirs")?.view.status).toBe("processing");
  expect(stored()).toEqual([]);
});

test("a link to a job of this list gives that one the focus", async () => {
  await start();
  await service.take("j1");
  page.show("j1");
  expect(page.entries.value).toHaveLength(1);
  expect(page.focused.value).toBe("key-1");
});

test("an entry that is taken out is not followed any longer", async () => {
  await start();
  await service.take("j1");
  page.forget("key-1");
  service.looks = [];
  await service.tick();
  expect(service.looks).toEqual([]);
  expect(stored()).toEqual([]);
});
