import init, { WasmReader } from "@contentauth/c2pa-wasm";
import library from "@contentauth/c2pa-wasm/c2pa.wasm?url";
import type { Inspected, Task } from "./inspect";
import { type Found, findPackets } from "./packets";

/** Neither what a file names as an address nor whether a certificate was called back is asked of anybody. */
const VERIFY = { remote_manifest_fetch: false, ocsp_fetch: false };

/** Looks at one file beside the page, so that the page goes on; it may only ask its own site (see `_headers`). */
addEventListener("message", ({ data }: MessageEvent<Task>) => {
  // An error that is not reported would leave the page waiting.
  look(data).then((seen) => postMessage(seen), reportError);
});

async function look(task: Task): Promise<Inspected> {
  const found = await findPackets(task.file);
  return { ...found, manifest: await readManifest(task, found) };
}

/** The library is fetched only for what may have a manifest. */
async function readManifest(task: Task, { mayBeSigned }: Found): Promise<Inspected["manifest"]> {
  if (!mayBeSigned) return null;
  const { file, type, roots } = task;
  await init({ module_or_path: library });
  const settings = { verify: VERIFY, ...(roots && { trust: { user_anchors: roots } }) };
  try {
    const reader = await WasmReader.fromBlob(type, file, JSON.stringify(settings));
    return { store: reader.json() };
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error);
    return /JumbfNotFound|UnsupportedType/.test(fault) ? null : { fault };
  }
}
