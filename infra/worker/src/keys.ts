/** The key layout of the bucket: the only place of the Worker that spells a key (storage/keys.py is the consumer's). */

export const INBOX = "inbox/";
export const UPLOADS = "uploads/";
export const RESULTS = "results/";

/** A job, an attempt and, since results are secret, 120 random bits in base32. */
const SECRET_RESULT = /^results\/[A-Za-z0-9][A-Za-z0-9_-]{0,63}\/[1-9][0-9]*-[a-z2-7]{24}\.[a-z0-9]+$/;

/** Key of a job's manifest. */
export const manifest = (jobId: string): string => `${INBOX}${jobId}.json`;

/** Key of a job's status record. */
export const status = (jobId: string): string => `status/${jobId}.json`;

/** Key whose existence asks for the job to stop. */
export const cancel = (jobId: string): string => `cancel/${jobId}`;

/** Key of an upload. */
export const upload = (fileId: string): string => `${UPLOADS}${fileId}`;

/** Key that remembers which job a sender's idempotency key made; `digest` is a SHA-256 in hex. */
export const idempotency = (digest: string): string => `idempotency/${digest}`;

/** Say whether `key` is that of a result, and one that nobody can guess. */
export const isSecretResult = (key: string): boolean => SECRET_RESULT.test(key);
