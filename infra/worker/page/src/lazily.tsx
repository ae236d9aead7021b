import { signal } from "@preact/signals";
import type { FunctionComponent } from "preact";
import { useEffect } from "preact/hooks";
import { fetched, importer } from "./importer";
import { Outdated } from "./parts/Outdated";

/** The part of the page that a script calls `name`; fetched when it is first shown, and again until it has come or is known to be gone. */
export function lazily<Name extends string, Props extends object>(
  name: Name,
  script: () => Promise<Record<Name, FunctionComponent<Props>>>,
): FunctionComponent<Props> {
  const load = importer(script);
  const loaded = signal<FunctionComponent<Props> | null>(null);
  const gone = signal(false);
  return (props) => {
    useEffect(() => {
      const stop = new AbortController();
      void fetched(load, stop.signal).then((parts) => {
        if (parts) loaded.value = parts[name];
        else gone.value ||= !stop.signal.aborted;
      });
      return () => stop.abort();
    }, []);
    const Part = loaded.value;
    if (Part) return <Part {...props} />;
    return gone.value ? <Outdated /> : <div class="blank pulse" />;
  };
}
