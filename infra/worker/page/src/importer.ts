import { reached, whenOnline } from "./online";
import { sleep } from "./wait";

const AGAIN_MS = 3000;
const MOST_FAILURES = 3;
const ADDRESS = /https?:[^\s?]+/;

/**
 * What `script` imports, as often as it takes: browsers keep to it that a script could not be fetched
 * (https://github.com/whatwg/html/issues/6768), so it is asked for by another address then, which their error tells.
 */
export function importer<Exports>(script: () => Promise<Exports>): () => Promise<Exports> {
  let other: string | undefined;
  return async () => {
    try {
      return await (other ? import(/* @vite-ignore */ other) : script());
    } catch (error) {
      const failed = ADDRESS.exec(String(error))?.[0];
      other = failed && `${failed}?${Date.now()}`;
      throw error;
    }
  };
}

/**
 * What `load` gives once there is a connection; null when `stop` aborts before, or when it fails three times in a row
 * although the service answers: that has a later version of this page then.
 */
export async function fetched<Parts>(load: () => Promise<Parts>, stop: AbortSignal): Promise<Parts | null> {
  for (let failures = 0; !stop.aborted; ) {
    try {
      return await load();
    } catch {
      failures = (await reached()) ? failures + 1 : 0;
      if (failures === MOST_FAILURES) break;
      await sleep(AGAIN_MS, stop)
        .then(() => whenOnline(stop))
        .catch(() => undefined);
    }
  }
  return null;
}
