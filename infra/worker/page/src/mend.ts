import { ApiError } from "./api";

/** What the one button below a failure does: choose a file anew, look at the choices, or send the same again. */
export type Mend = "target" | "face" | "start" | "retry";

const BY_CODE: Record<string, Mend> = {
  consent_missing: "start",
  invalid_manifest: "start",
  invalid_request: "start",
  model_unavailable: "start",
  no_face_in_source: "face",
  no_face_in_target: "target",
  face_not_found: "target",
  person_protected: "face",
  forgotten: "start",
};
/** These may be about either file; their sentence names the one. */
const OF_A_FILE = new Set([
  "input_not_found",
  "upload_not_found",
  "input_forbidden",
  "input_too_large",
  "unsupported_media",
  "media_corrupt",
  "minor_refused",
  "content_rejected",
]);

/** Which step mends a failure of that code; `message` is the record's own sentence, in English. */
export function mend(code: string, message: string): Mend {
  if (OF_A_FILE.has(code)) return isOfTheFace(message) ? "face" : "target";
  return BY_CODE[code] ?? "retry";
}

/** Whether only another file mends an error of the file to change. */
export function isAboutTheFile(error: unknown): boolean {
  return error instanceof ApiError && mend(error.code, "") === "target";
}

/** The first of the two that is named is the one at fault. */
function isOfTheFace(message: string): boolean {
  const named = /\b(source|target|picture for face_\d+|reference picture)/.exec(message);
  return named !== null && named[1] !== "target";
}
