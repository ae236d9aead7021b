import { type Media, SNIFF_BYTES, sniff } from "../../../../src/sniff";
import { type Claim, readClaim } from "./claims";
import type { Found } from "./packets";
import { type Signature, toSignature, unread } from "./signature";

/** What the worker is to look at; `roots` in PEM, "" where nobody is trusted. */
export interface Task {
  file: File;
  type: string;
  roots: string;
}

/** What the worker found: packets, and the manifest or why it cannot be read. */
export interface Inspected extends Found {
  manifest: { store: string } | { fault: string } | null;
}

/** What a file says of its own making, and who vouches for that. */
export interface Findings {
  file: File;
  claim: Claim | null;
  signature: Signature | null;
  /** Whether a signature of such a file would lie beside it. */
  beside: boolean;
}

/** The roots by which this page trusts signers: what SWAPDROP_C2PA_TRUST named when it was built. */
const ROOTS = "/trust.pem";
/** What cannot hold a manifest, which then comes as a file of its own. */
const BESIDE = ["video/webm", "video/x-matroska"];

/**
 * Look at a picture or video on this device; null for what is neither.
 *
 * Raises an error where a part of this page cannot be fetched, or the reason of `stop`.
 */
export async function inspect(file: File, stop: AbortSignal): Promise<Findings | null> {
  const media: Media | null = sniff(new Uint8Array(await file.slice(0, SNIFF_BYTES).arrayBuffer()));
  if (!media) return null;
  const answer = await fetch(ROOTS, { signal: stop });
  if (!answer.ok) throw new Error(`${ROOTS}: ${answer.status}`);
  const { descriptions, labels, manifest } = await beside(
    { file, type: media.type, roots: await answer.text() },
    stop,
  );
  const signature = manifest && ("store" in manifest ? toSignature(manifest.store) : unread(manifest.fault));
  return { file, claim: readClaim(descriptions, labels), signature, beside: BESIDE.includes(media.type) };
}

/** Have a worker do it, which ends with the answer or with `stop`. */
function beside(task: Task, stop: AbortSignal): Promise<Inspected> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  const done = new Promise<Inspected>((resolve, reject) => {
    stop.addEventListener("abort", () => reject(stop.reason));
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage(task);
  });
  return done.finally(() => worker.terminate());
}
