import { type ReadonlySignal, signal } from "@preact/signals";
import { ApiError, call, NetworkError, send } from "./api";
import { whenOnline } from "./online";
import { Pace } from "./pace";
import type { FileRef } from "./request";
import { sleep } from "./wait";

/** How far a file is: `sent` in bytes, `bytesPerS` null until it can be told. */
export type Progress =
  | { step: "sending"; sent: number; bytesPerS: number | null }
  | { step: "done"; file: FileRef }
  | { step: "failed"; error: unknown };

const WHOLE_BYTES = 8 * 2 ** 20;
const TRIES = 4;
const PAUSE_MS = 1000;
/** Answers that may be another one next time. */
const PASSING = new Set([408, 500, 502, 503, 504]);

/** What the service says of a finished upload. */
interface Stored {
  fileId: string;
  fileName: string;
  type: string;
  size: number;
}

interface Part {
  partNumber: number;
  etag: string;
}

/**
 * Send a file, whole or in parts, and tell how far it is.
 *
 * Without a connection it waits and goes on; a part that fails is sent again up to three times.
 */
export function upload(file: File, stop: AbortSignal): ReadonlySignal<Progress> {
  const progress = signal<Progress>({ step: "sending", sent: 0, bytesPerS: null });
  const pace = new Pace();
  const sent = (bytes: number) => {
    progress.value = { step: "sending", sent: bytes, bytesPerS: pace.at(bytes) };
  };
  const sending = file.size <= WHOLE_BYTES ? whole(file, sent, stop) : inParts(file, sent, stop);
  sending
    .then(({ fileId, fileName, type, size }) => {
      progress.value = { step: "done", file: { fileId, name: fileName, type, size } };
    })
    .catch(async (error: unknown) => {
      // A file that was changed or removed since it was chosen cannot be sent, as if there were no connection.
      const unread = () => new ApiError(411, "length_required", "", null);
      const cause = await file
        .slice(0, 1)
        .arrayBuffer()
        .then(() => error, unread);
      progress.value = { step: "failed", error: cause };
    });
  return progress;
}

function whole(file: File, sent: (bytes: number) => void, stop: AbortSignal): Promise<Stored> {
  const headers = { "X-File-Name": encodeURIComponent(file.name), "Content-Type": typeOf(file) };
  return persist(() => send<Stored>("/api/uploads", { body: file, headers, sent, signal: stop }), stop);
}

async function inParts(file: File, sent: (bytes: number) => void, stop: AbortSignal): Promise<Stored> {
  const json = { fileName: file.name, size: file.size, type: typeOf(file) };
  const begun = await persist(
    () =>
      call<{ fileId: string; uploadId: string; partSize: number }>("/api/uploads", {
        method: "POST",
        json,
        signal: stop,
      }),
    stop,
  );
  const address = `/api/uploads/${begun.fileId}`;
  const query = `?uploadId=${encodeURIComponent(begun.uploadId)}`;
  try {
    const parts: Part[] = [];
    for (let from = 0; from < file.size; from += begun.partSize) {
      const body = file.slice(from, from + begun.partSize);
      const path = `${address}/parts/${parts.length + 1}${query}`;
      const part = () =>
        send<Part>(path, { body, sent: (bytes) => sent(from + Math.min(bytes, body.size)), signal: stop });
      parts.push(await persist(part, stop));
    }
    const complete = { method: "POST", json: { uploadId: begun.uploadId, parts }, signal: stop } as const;
    return await persist(() => call<Stored>(`${address}/complete`, complete), stop);
  } catch (error) {
    // The bucket forgets unfinished uploads by itself; this only spares it the day.
    void call(address + query, { method: "DELETE" }).catch(() => undefined);
    throw error;
  }
}

/** Do it until it is done, unless the answer says that trying again is of no use. */
async function persist<T>(act: () => Promise<T>, stop: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await act();
    } catch (error) {
      if (!passes(error) || tries === TRIES) throw error;
      const named = error instanceof ApiError ? error.retryAfterS : null;
      await sleep(named === null ? PAUSE_MS * 2 ** (tries - 1) : named * 1000, stop);
      await whenOnline(stop);
    }
  }
}

function passes(error: unknown): boolean {
  return error instanceof NetworkError || (error instanceof ApiError && PASSING.has(error.status));
}

function typeOf(file: File): string {
  return file.type || "application/octet-stream";
}
