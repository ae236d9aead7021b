import { ApiError, NetworkError } from "./api";
import { ending, type View } from "./view";

/** What following a job needs of the browser. */
export interface FollowWorld {
  /** The job as it is now, or null while it is still the one of that ETag. */
  look(id: string, etag: string | null): Promise<{ data: View; etag: string | null } | null>;
  open(url: string): Stream;
  hidden(): boolean;
  /** Call when the page is shown or hidden; returns what ends it. */
  onShown(changed: () => void): () => void;
  /** Call after so many milliseconds; returns what prevents it. */
  after(ms: number, act: () => void): () => void;
  /** How many streams are open: a browser has six connections to a site of HTTP/1.1, for all tabs together. */
  streams: { open: number };
}

/** The part of an EventSource that is used. */
export type Stream = Pick<EventSource, "addEventListener" | "close" | "readyState">;

/** Who wants to know of the job. */
export interface Follower {
  seen(view: View): void;
  /** There is no such job, or no longer. */
  gone(): void;
}

const MOST_STREAMS = 2;
const MOST_FAILURES = 2;
const POLL_MS = 2000;
/** While the tab is hidden, and where the service refuses to tell. */
const SLOW_MS = 15_000;
/** Beside a stream, which may have died without a word. */
const WATCH_MS = 30_000;
const CLOSED = 2;

/**
 * Tell of a job until it has ended; returns what stops it before.
 *
 * By events, and by asking every two seconds once those have failed twice or other jobs use the connections
 * there are; every fifteen while the page is hidden. A look that gets no answer tells nothing of the job.
 */
export function follow(id: string, follower: Follower, world: FollowWorld): () => void {
  const following = new Following(id, follower, world);
  following.begin();
  return () => following.end();
}

class Following {
  private etag: string | null = null;
  private rev = -1;
  private failures = 0;
  private stream: Stream | null = null;
  private looking = false;
  private over = false;
  private cancelTimer = () => {};
  private unlisten = () => {};

  constructor(
    private readonly id: string,
    private readonly follower: Follower,
    private readonly world: FollowWorld,
  ) {}

  begin(): void {
    this.unlisten = this.world.onShown(() => this.shownOrHidden());
    void this.look();
  }

  end(): void {
    this.over = true;
    this.unlisten();
    this.cancelTimer();
    this.closeStream();
  }

  private shownOrHidden(): void {
    if (this.world.hidden()) {
      this.closeStream();
      this.lookAfter(SLOW_MS);
    } else {
      this.failures = 0;
      void this.look();
    }
  }

  private async look(): Promise<void> {
    if (this.looking || this.over) return;
    this.looking = true;
    this.cancelTimer();
    let pause = POLL_MS;
    try {
      const found = await this.world.look(this.id, this.etag);
      if (found) this.take(found.data, found.etag);
      if (!this.over && !this.stream && this.mayStream()) this.openStream();
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) this.leave();
      else if (!(error instanceof NetworkError)) pause = SLOW_MS;
    }
    this.looking = false;
    this.lookAfter(this.stream ? WATCH_MS : pause);
  }

  private lookAfter(ms: number): void {
    this.cancelTimer();
    if (this.over) return;
    const wait = this.world.hidden() ? SLOW_MS : ms;
    this.cancelTimer = this.world.after(wait, () => void this.look());
  }

  private mayStream(): boolean {
    return !this.world.hidden() && this.failures < MOST_FAILURES && this.world.streams.open < MOST_STREAMS;
  }

  private openStream(): void {
    const stream = this.world.open(`/api/status/${encodeURIComponent(this.id)}/events`);
    this.stream = stream;
    this.world.streams.open += 1;
    stream.addEventListener("open", () => {
      this.failures = 0;
    });
    stream.addEventListener("status", (event) => {
      const told = event as MessageEvent<string>;
      this.take(JSON.parse(told.data), told.lastEventId ? `"${told.lastEventId}"` : null);
    });
    stream.addEventListener("error", () => this.failed(stream));
  }

  /** A stream that ended as planned fails too, but opens again: only failures without an opening count. */
  private failed(stream: Stream): void {
    if (stream !== this.stream) return;
    this.failures = stream.readyState === CLOSED ? MOST_FAILURES : this.failures + 1;
    if (this.failures < MOST_FAILURES) return;
    this.closeStream();
    void this.look();
  }

  private closeStream(): void {
    if (!this.stream) return;
    this.stream.close();
    this.stream = null;
    this.world.streams.open -= 1;
  }

  /** An answer that was overtaken by a later one is of no use. */
  private take(view: View, etag: string | null): void {
    if (this.over || view.rev < this.rev) return;
    this.rev = view.rev;
    this.etag = etag;
    this.follower.seen(view);
    if (ending(view)) this.end();
  }

  private leave(): void {
    if (this.over) return;
    this.end();
    this.follower.gone();
  }
}
