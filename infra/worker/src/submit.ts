import type { Bindings } from "./env";
import { Refused } from "./errors";
import { invalid } from "./explain";
import { digestOf, forget, remember } from "./idempotency";
import { isFileId, isServed, newJobId, sha256 } from "./ids";
import * as keys from "./keys";
import { filesOf, type Manifest } from "./manifest";
import type { Fields } from "./spelling";

/** Uploads that are looked for before a job is taken; the consumer looks for all of them. */
const MOST_LOOKS = 32;

/**
 * Put a job into the inbox and return its id.
 *
 * The same job sent again under the same `name` is the one there is; a job that names its own id has that for a name
 * where it is given none. Refuses with `consent_missing`, `upload_not_found`, `idempotency_conflict`, and with
 * `invalid_manifest` an id under which nobody could ask for the job.
 */
export async function submit(env: Bindings, manifest: Manifest, name?: string): Promise<string> {
  if (manifest.process_type !== "detect-faces") requireConsent(env, manifest.consent);
  const own = manifest.job_id;
  if (own && !isServed(env, own)) {
    throw invalid("`job_id` could be guessed, and without a token anybody could ask for it; leave it out.");
  }
  await refuseWithoutUploads(env.BUCKET, manifest);
  const known = name ?? (own && `job ${own}`);
  const { jobId, isNew } = known ? await nameOnce(env, known, manifest) : { jobId: newJobId(), isNew: true };
  // A job that is known and that nobody has begun with may never have come so far as to be announced.
  if (isNew || !(await env.BUCKET.head(keys.status(jobId)))) {
    await announce(env.BUCKET, jobId, { ...manifest, job_id: jobId });
  }
  return jobId;
}

/** Refuse a swap to which nobody says that those shown agree, unless this service asks for no consent. */
export function requireConsent(env: Bindings, consent: Manifest["consent"]): void {
  if (env.REQUIRE_CONSENT === "false" || consent?.attested) return;
  const message =
    'Say that everybody shown agrees: "consent": {"attested": true}. Without that no face is put onto another.';
  throw new Refused(403, "consent_missing", message);
}

/** Put a manifest into the inbox, unless one lies there already. */
export async function announce(bucket: R2Bucket, jobId: string, manifest: Fields): Promise<void> {
  const type = manifest.process_type;
  await bucket.put(keys.manifest(jobId), JSON.stringify(manifest), {
    onlyIf: new Headers({ "If-None-Match": "*" }),
    httpMetadata: { contentType: "application/json" },
    customMetadata: typeof type === "string" ? { type } : {},
  });
}

/** The id of the job that goes by this name, which it keeps, and whether it is one that nobody has sent before. */
async function nameOnce(env: Bindings, name: string, manifest: Manifest) {
  const mine = { jobId: manifest.job_id ?? newJobId(), asked: await sha256(JSON.stringify(manifest)) };
  const digest = await digestOf(name, env.API_TOKEN);
  const known = await remember(env.BUCKET, digest, mine);
  if (known.asked !== mine.asked) {
    throw conflict("The Idempotency-Key, or the `job_id`, stands for another job already; take a new one.");
  }
  const isNew = known === mine;
  if (isNew && manifest.job_id && (await isUsed(env.BUCKET, mine.jobId))) {
    await forget(env.BUCKET, digest);
    throw conflict("There is a job of this `job_id` already; take a new one.");
  }
  return { jobId: known.jobId, isNew };
}

const conflict = (message: string) => new Refused(409, "idempotency_conflict", message);

/** Whether a job that was sent another way has this id. */
async function isUsed(bucket: R2Bucket, jobId: string): Promise<boolean> {
  const places = [keys.manifest(jobId), keys.status(jobId)];
  return (await Promise.all(places.map((key) => bucket.head(key)))).some(Boolean);
}

async function refuseWithoutUploads(bucket: R2Bucket, manifest: Manifest): Promise<void> {
  const uploads = filesOf(manifest).filter(({ file }) => file.startsWith(keys.UPLOADS));
  const uses = new Map(uploads.map(({ file, use }) => [file.slice(keys.UPLOADS.length), use]));
  const looked = [...uses].filter(([fileId]) => isFileId(fileId)).slice(0, MOST_LOOKS);
  await Promise.all(looked.map(([fileId, use]) => refuseWithoutUpload(bucket, fileId, use)));
}

async function refuseWithoutUpload(bucket: R2Bucket, fileId: string, use: string): Promise<void> {
  if (await bucket.head(keys.upload(fileId))) return;
  const message = `There is no upload ${fileId}, the ${use}; it may have been deleted since. Upload the file again.`;
  throw new Refused(404, "upload_not_found", message);
}
