/** The key layout of the bucket: the only place of the Worker that spells a key (storage/keys.py is the consumer's). */

export const INBOX = "inbox/";

/** Key of a job's manifest. */
export const manifest = (jobId: string): string => `${INBOX}${jobId}.json`;

/** Key of a job's status record. */
export const status = (jobId: string): string => `status/${jobId}.json`;

/** Key whose existence asks for the job to stop. */
export const cancel = (jobId: string): string => `cancel/${jobId}`;

/** Key of an upload. */
export const upload = (fileId: string): string => `uploads/${fileId}`;

/** Key that remembers which job a sender's idempotency key made; `digest` is a SHA-256 in hex. */
export const idempotency = (digest: string): string => `idempotency/${digest}`;
