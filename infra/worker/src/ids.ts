import type { Bindings } from "./env";

/** Job ids of this service or a sender's own; they become part of a key. */
const JOB_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
/** What names an upload: 128 random bits and the extension of what its bytes are. */
const FILE_ID = /^[0-9a-f]{32}\.[a-z0-9]{1,5}$/;
/** One that `newJobId` made, and what the consumer calls a job that is done again or has an id of its own. */
const SECRET_ID = /^[0-9a-f]{32}(-[0-9a-z-]+)?$/;

/** Say whether `text` may name a job. */
export const isJobId = (text: string): boolean => JOB_ID.test(text);

/** Say whether `text` may name an upload. */
export const isFileId = (text: string): boolean => FILE_ID.test(text);

/** Say whether nobody can come upon this job id by guessing: it begins with at least 80 random bits. */
export const isSecretId = (jobId: string): boolean => isJobId(jobId) && SECRET_ID.test(jobId);

/** Say whether this job may be told of: where no token guards the service, only ids nobody can guess are. */
export function isServed(env: Bindings, jobId: string): boolean {
  return env.API_TOKEN ? isJobId(jobId) : isSecretId(jobId);
}

/** A fresh job id that sorts by time: 48 bits of milliseconds and 80 random bits, in hex. */
export function newJobId(now: number = Date.now()): string {
  return now.toString(16).padStart(12, "0") + randomHex(10);
}

/** A fresh id for an upload: 128 random bits and its extension. */
export function newFileId(extension: string): string {
  return `${randomHex(16)}.${extension}`;
}

function randomHex(bytes: number): string {
  return hex(crypto.getRandomValues(new Uint8Array(bytes)));
}

/** The SHA-256 of a text, in hex. */
export async function sha256(text: string): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
