import { signal } from "@preact/signals";
import type { FunctionComponent } from "preact";
import { useEffect } from "preact/hooks";
import { whenOnline } from "./online";
import { sleep } from "./wait";

const AGAIN_MS = 3000;

/** A part of the page whose script is fetched when it is first shown, and again until it has come. */
export function lazily<Props extends object>(
  load: () => Promise<FunctionComponent<Props>>,
): FunctionComponent<Props> {
  const loaded = signal<FunctionComponent<Props> | null>(null);
  return (props) => {
    useEffect(() => {
      const stop = new AbortController();
      void fetched(load, stop.signal).then((part) => {
        if (part) loaded.value = part;
      });
      return () => stop.abort();
    }, []);
    const Part = loaded.value;
    return Part ? <Part {...props} /> : <div class="blank pulse" />;
  };
}

/** What `load` gives once there is a connection; null when `stop` aborts before. */
async function fetched<Part>(load: () => Promise<Part>, stop: AbortSignal): Promise<Part | null> {
  while (!stop.aborted) {
    try {
      return await load();
    } catch {
      await sleep(AGAIN_MS, stop)
        .then(() => whenOnline(stop))
        .catch(() => undefined);
    }
  }
  return null;
}
