import { isFileId } from "./ids";
import * as keys from "./keys";

const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]*):/;
/** Less than 64 characters cannot hold a picture, but may be a mistyped name. */
const BASE64 = /^[A-Za-z0-9+/\s]{64,}={0,2}\s*$/;
const MAX_URL_CHARACTERS = 4096;
const MAX_KEY_BYTES = 1024;
/** Unicode's controls, halves of characters, line and paragraph separators. */
const CONTROL = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;
const PERCENT_ENCODED = /%[0-9A-Fa-f]{2}/;

/**
 * A file of a job as the consumer reads it: an upload's id becomes its key.
 *
 * `anyKey` says whether keys may be named that somebody else could come upon. Throws a sentence where this service
 * does not read such a file; whether a link may be followed is for the consumer to say.
 */
export function readReference(text: string, anyKey: boolean): string {
  const scheme = SCHEME.exec(text)?.[1]?.toLowerCase();
  if (scheme === "data" || (!isKeyLike(text) && BASE64.test(text))) {
    throw new Objection(
      "holds a picture itself; send it to PUT /api/uploads and name the fileId of the answer",
    );
  }
  if (scheme) return readLink(scheme, text);
  if (isFileId(text)) return keys.upload(text);
  if (isKeyLike(text)) return readKey(text, anyKey);
  throw new Objection("is no file; name the fileId of an upload, or an https:// link");
}

/** Why a file is not read, to be said after the name of the field that holds it. */
export class Objection extends Error {}

const isKeyLike = (text: string): boolean => text.startsWith(keys.UPLOADS) || text.startsWith(keys.RESULTS);

function readLink(scheme: string, text: string): string {
  if (scheme !== "https") throw new Objection(`is a ${scheme}: link; only https:// links are read`);
  if (text.length > MAX_URL_CHARACTERS) {
    throw new Objection(`is a link of more than ${MAX_URL_CHARACTERS} characters`);
  }
  if (CONTROL.test(text) || /\s/.test(text))
    throw new Objection("is a link with spaces or control characters");
  return text;
}

function readKey(key: string, anyKey: boolean): string {
  if (key.startsWith(keys.RESULTS)) {
    if (keys.isSecretResult(key)) return key;
    throw new Objection("must be the whole key of a result, as its job's record tells it");
  }
  if (isFileId(key.slice(keys.UPLOADS.length))) return key;
  if (!anyKey) throw new Objection("must be the fileId that the answer to an upload gave");
  const isWritten = !CONTROL.test(key) && !key.includes("\\") && !PERCENT_ENCODED.test(key);
  const isShort = new TextEncoder().encode(key).length <= MAX_KEY_BYTES;
  if (isWritten && isShort && !key.split("/").some((part) => ["", ".", ".."].includes(part))) return key;
  throw new Objection("is no key; write it whole and as it is in the bucket");
}
