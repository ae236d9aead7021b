import { effect, type ReadonlySignal } from "@preact/signals";

/** Resolves after that many milliseconds; rejects with the signal's reason when it aborts. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", stopped, { once: true });
    function done() {
      signal?.removeEventListener("abort", stopped);
      resolve();
    }
    function stopped() {
      clearTimeout(timer);
      reject(signal?.reason);
    }
  });
}

/** Resolves with the first value of `source` that `wanted` takes; rejects when `signal` aborts. */
export function until<T>(
  source: ReadonlySignal<T>,
  wanted: (value: T) => boolean,
  signal?: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    let end: (() => void) | null = null;
    let settled = false;
    const settle = (act: () => void) => {
      settled = true;
      end?.();
      signal?.removeEventListener("abort", stopped);
      act();
    };
    const stopped = () => settle(() => reject(signal?.reason));
    signal?.addEventListener("abort", stopped, { once: true });
    end = effect(() => {
      const value = source.value;
      if (!settled && wanted(value)) settle(() => resolve(value));
    });
    if (settled) end();
  });
}
