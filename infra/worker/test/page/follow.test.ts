import { beforeEach, expect, test, vi } from "vitest";
import { ApiError, NetworkError } from "../../page/src/api";
import { type FollowWorld, follow } from "../../page/src/follow";
import type { View } from "../../page/src/view";
import { aView, settle } from "./support";

class FakeStream {
  readyState = 0;
  closed = false;
  private readonly listeners = new Map<string, (event: unknown) => void>();

  constructor(readonly url: string) {}

  addEventListener(name: string, listener: unknown): void {
    this.listeners.set(name, listener as (event: unknown) => void);
  }
  close(): void {
    this.closed = true;
  }
  emit(name: string, event: object = {}): void {
    if (!this.closed) this.listeners.get(name)?.(event);
  }
  status(view: View): void {
    this.emit("status", { data: JSON.stringify(view), lastEventId: `${view.rev}-w` });
  }
}

/** A browser in which time stands still until `tick`, and whose service answers what `answers` holds. */
class FakeWorld {
  streams = { open: 0 };
  opened: FakeStream[] = [];
  looks: (string | null)[] = [];
  waits: { ms: number; act: () => void }[] = [];
  isHidden = false;
  private shown = () => {};

  constructor(public answer: () => { data: View; etag: string | null } | null) {}

  async look(_id: string, etag: string | null) {
    this.looks.push(etag);
    return this.answer();
  }
  open(url: string) {
    const stream = new FakeStream(url);
    this.opened.push(stream);
    return stream as unknown as EventSource;
  }
  hidden() {
    return this.isHidden;
  }
  onShown(changed: () => void) {
    this.shown = changed;
    return () => {
      this.shown = () => {};
    };
  }
  after(ms: number, act: () => void) {
    const wait = { ms, act };
    this.waits.push(wait);
    return () => {
      this.waits = this.waits.filter((other) => other !== wait);
    };
  }
  /** The one wait there is ends. */
  async tick(): Promise<number> {
    expect(this.waits).toHaveLength(1);
    const [wait] = this.waits.splice(0);
    wait?.act();
    await settle();
    return wait?.ms ?? 0;
  }
  async setHidden(hidden: boolean): Promise<void> {
    this.isHidden = hidden;
    this.shown();
    await settle();
  }
  get stream(): FakeStream {
    return this.opened.at(-1) as FakeStream;
  }
}

const told = { seen: vi.fn(), gone: vi.fn() };
const answerOf = (view: View) => () => ({ data: view, etag: `"${view.rev}-w"` });
const noAnswer = (): never => {
  throw new NetworkError("/api/status/j");
};
const refusal = (status: number) => (): never => {
  throw new ApiError(status, "x", "No.", null);
};

async function started(world: FakeWorld, id = "j"): Promise<() => void> {
  const end = follow(id, told, world as FollowWorld);
  await settle();
  return end;
}

beforeEach(() => {
  vi.clearAllMocks();
});

test("a job is looked at once and then told by events", async () => {
  const world = new FakeWorld(answerOf(aView("j")));
  await started(world);
  expect(world.looks).toEqual([null]);
  expect(world.stream.url).toBe("/api/status/j/events");
  world.stream.status(aView("j", { rev: 4, stage: "encode" }));
  expect(told.seen).toHaveBeenLastCalledWith(aView("j", { rev: 4, stage: "encode" }));
});

test("a job that has ended needs no stream", async () => {
  const world = new FakeWorld(answerOf(aView("j", { status: "completed" })));
  await started(world);
  expect(world.opened).toEqual([]);
  expect(world.waits).toEqual([]);
});

test("the end told by an event ends the stream, so that the browser does not open it again", async () => {
  const world = new FakeWorld(answerOf(aView("j")));
  await started(world);
  world.stream.status(aView("j", { rev: 5, status: "cancelled" }));
  expect(world.stream.closed).toBe(true);
  expect(world.streams.open).toBe(0);
  expect(world.waits).toEqual([]);
});

test("one failed stream opens again by itself, after two the job is asked for every two seconds", async () => {
  const world = new FakeWorld(answerOf(aView("j")));
  await started(world);
  world.stream.emit("error");
  expect(world.stream.closed).toBe(false);
  world.stream.emit("error");
  await settle();
  expect(world.stream.closed).toBe(true);
  world.answer = () => null;
  expect(await world.tick()).toBe(2000);
  expect(await world.tick()).toBe(2000);
  expect(world.looks).toEqual([null, '"3-w"', '"3-w"', '"3-w"']);
  expect(world.opened).toHaveLength(1);
});

test("streams that end as planned and open again are no failures", async () => {
  const world = new FakeWorld(answerOf(aView("j")));
  await started(world);
  for (let time = 0; time < 5; time++) {
    world.stream.emit("open");
    world.stream.emit("error");
  }
  expect(world.stream.closed).toBe(false);
});

test("a stream that the browser gave up is not waited for", async () => {
  const world = new FakeWorld(answerOf(aView("j")));
  await started(world);
  world.stream.readyState = 2;
  world.stream.emit("error");
  await settle();
  expect(world.looks).toHaveLength(2);
  expect(world.waits[0]?.ms).toBe(2000);
});

test("a stream is not trusted for ever: the job is looked at beside it", async () => {
  const world = new FakeWorld(answerOf(aView("j")));
  await started(world);
  expect(await world.tick()).toBe(30_000);
  expect(world.looks).toEqual([null, '"3-w"']);
  expect(world.stream.closed).toBe(false);
});

test("a look without an answer tells nothing of the job and is tried again", async () => {
  const world = new FakeWorld(noAnswer);
  await started(world);
  await world.tick();
  expect(told.seen).not.toHaveBeenCalled();
  expect(told.gone).not.toHaveBeenCalled();
  world.answer = answerOf(aView("j"));
  expect(await world.tick()).toBe(2000);
  expect(told.seen).toHaveBeenCalledOnce();
});

test("a service in trouble is asked seldom, and says nothing of the job", async () => {
  const world = new FakeWorld(refusal(503));
  await started(world);
  expect(await world.tick()).toBe(15_000);
  expect(told.gone).not.toHaveBeenCalled();
});

test("a job that is not there is gone, and not asked for again", async () => {
  const world = new FakeWorld(refusal(404));
  await started(world);
  expect(told.gone).toHaveBeenCalledOnce();
  expect(world.waits).toEqual([]);
});

test("a hidden page asks every fifteen seconds, and at once when it is shown", async () => {
  const world = new FakeWorld(answerOf(aView("j")));
  await started(world);
  await world.setHidden(true);
  expect(world.stream.closed).toBe(true);
  expect(await world.tick()).toBe(15_000);
  expect(await world.tick()).toBe(15_000);
  expect(world.opened).toHaveLength(1);
  await world.setHidden(false);
  expect(world.looks).toHaveLength(4);
  expect(world.opened).toHaveLength(2);
});

test("a page shown again gives streams that had failed another chance", async () => {
  const world = new FakeWorld(answerOf(aView("j")));
  await started(world);
  world.stream.emit("error");
  world.stream.emit("error");
  await settle();
  await world.setHidden(true);
  await world.setHidden(false);
  expect(world.opened).toHaveLength(2);
});

test("two jobs have streams, further ones are asked for, so that the browser's connections suffice", async () => {
  const world = new FakeWorld(answerOf(aView("a")));
  const end = await started(world, "a");
  await started(world, "b");
  await started(world, "c");
  expect(world.opened.map((stream) => stream.url)).toEqual(["/api/status/a/events", "/api/status/b/events"]);
  end();
  expect(world.streams.open).toBe(1);
  const polling = world.waits.find((wait) => wait.ms === 2000);
  polling?.act();
  await settle();
  expect(world.opened.at(-1)?.url).toBe("/api/status/c/events");
});

test("an answer that a later event has overtaken is not shown", async () => {
  const world = new FakeWorld(answerOf(aView("j", { rev: 3 })));
  await started(world);
  world.stream.status(aView("j", { rev: 9 }));
  await world.tick();
  expect(told.seen.mock.calls.map(([view]) => view.rev)).toEqual([3, 9]);
});

test("after the end nothing is told, also of a look that was on its way", async () => {
  const world = new FakeWorld(answerOf(aView("j")));
  const end = follow("j", told, world as FollowWorld);
  end();
  await settle();
  expect(told.seen).not.toHaveBeenCalled();
  expect(world.opened).toEqual([]);
  expect(world.waits).toEqual([]);
});
