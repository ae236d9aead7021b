import { signal } from "@preact/signals";
import type { FunctionComponent } from "preact";
import { useEffect } from "preact/hooks";
import { importer } from "./importer";
import { whenOnline } from "./online";
import { sleep } from "./wait";

const AGAIN_MS = 3000;

/** The part of the page that a script calls `name`; fetched when it is first shown, and again until it has come. */
export function lazily<Name extends string, Props extends object>(
  name: Name,
  script: () => Promise<Record<Name, FunctionComponent<Props>>>,
): FunctionComponent<Props> {
  const load = importer(script);
  const loaded = signal<FunctionComponent<Props> | null>(null);
  return (props) => {
    useEffect(() => {
      const stop = new AbortController();
      void fetched(load, stop.signal).then((parts) => {
        if (parts) loaded.value = parts[name];
      });
      return () => stop.abort();
    }, []);
    const Part = loaded.value;
    return Part ? <Part {...props} /> : <div class="blank pulse" />;
  };
}

/** What `load` gives once there is a connection; null when `stop` aborts before. */
async function fetched<Parts>(load: () => Promise<Parts>, stop: AbortSignal): Promise<Parts | null> {
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
