/** Job ids of this service or a sender's own; they become part of a key. */
const JOB_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
/** What names an upload: 128 random bits and the extension of what its bytes are. */
const FILE_ID = /^[0-9a-f]{32}\.[a-z0-9]{1,5}$/;
/** An id that holds at least 80 random bits and so cannot be guessed: one that `newJobId` made. */
const SECRET_ID = /^[0-9a-f]{32}$/;

/** Say whether `text` may name a job. */
export const isJobId = (text: string): boolean => JOB_ID.test(text);

/** Say whether `text` may name an upload. */
export const isFileId = (text: string): boolean => FILE_ID.test(text);

/** Say whether nobody can come upon this job id by guessing. */
export const isSecretId = (jobId: string): boolean => SECRET_ID.test(jobId);

/** A fresh job id that sorts by time: 48 bits of milliseconds and 80 random bits, in hex. */
export function newJobId(now: number = Date.now()): string {
  return now.toString(16).padStart(12, "0") + randomHex(10);
}

/** A fresh id for an upload: 128 random bits and its extension. */
export function newFileId(extension: string): string {
  return `${randomHex(16)}.${extension}`;
}

function randomHex(bytes: number): string {
  return [...crypto.getRandomValues(new Uint8Array(bytes))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}
