import { Hono } from "hono";
import type { App, Routes } from "./env";
import type { Queue } from "./queue";
import { hasEnded } from "./records";
import { look } from "./status";
import { type StatusView, versionOf } from "./view";

const RETRY = "retry: 1000\n\n";

/** How long to wait before the next look, so long after the stream began; both in milliseconds. */
export type Pause = (elapsedMs: number) => number;

const pauseMs: Pause = (elapsedMs) => (elapsedMs < 10_000 ? 500 : 1_000);

/** Jobs as streams of events, for whoever would ask again and again. */
export function eventRoutes(queue: Queue, pause: Pause = pauseMs): Routes {
  return new Hono<App>().get("/api/status/:jobId/events", async (c) => {
    const jobId = c.req.param("jobId");
    const first = await look(c.env, queue, jobId);
    const seen = c.req.header("Last-Event-ID");
    // The one answer after which a browser does not come back.
    if (hasEnded(first) && versionOf(first) === seen) return c.body(null, 204);
    const next = () => look(c.env, queue, jobId);
    const lines = follow(first, next, { seen, polls: Number(c.env.SSE_POLLS), pause });
    return c.body(streamOf(lines), 200, {
      "Content-Type": "text/event-stream",
      "Cache-Control": "no-cache",
    });
  });
}

interface Following {
  seen: string | undefined;
  polls: number;
  pause: Pause;
}

/**
 * The lines of a stream: a comment for each look, since only a write tells that nobody reads any more, and an event
 * for each state that is new. Ends with the job, or after so many looks.
 */
async function* follow(
  first: StatusView,
  next: () => Promise<StatusView>,
  how: Following,
): AsyncGenerator<string, void> {
  const began = Date.now();
  let view = first;
  let seen = how.seen;
  // A job that nobody has begun with is looked for in two places, and each costs the request.
  for (let polls = cost(view); ; polls += cost(view)) {
    const version = versionOf(view);
    yield version === seen ? ":\n\n" : `:\nevent: status\nid: ${version}\ndata: ${JSON.stringify(view)}\n\n`;
    if (hasEnded(view)) return;
    seen = version;
    if (polls >= how.polls) break;
    await scheduler.wait(how.pause(Date.now() - began));
    try {
      view = await next();
    } catch (error) {
      console.error("events_ended", error);
      break;
    }
  }
  yield RETRY;
}

/** Lines as a stream, each asked for when it is wanted: where nobody reads any more, nothing is looked for. */
function streamOf(lines: AsyncGenerator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await lines.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      await lines.return(undefined);
    },
  });
}

const cost = (view: StatusView): number => (view.rev > 0 ? 1 : 2);
