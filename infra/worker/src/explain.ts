import type { OutputUnit } from "@cfworker/json-schema";
import { Refused } from "./errors";

/** Units that only say that another one, further in, found something. */
const OUTER = new Set(["$ref", "properties", "anyOf", "items", "additionalProperties", "propertyNames"]);
const TYPES: Record<string, string> = {
  array: "a list",
  boolean: "true or false",
  integer: "a whole number",
  number: "a number",
  object: "an object",
  string: "text",
};
/** What patterns mean, by the field or the folder of fields they hold for. */
const PATTERNS: Record<string, string> = {
  "consent.by": "must be an id of yours, of letters, digits and . _ : -; no name or address belongs here",
  "consent.time": "must be a time with its zone, such as 2026-05-01T10:00:00Z",
  callback_url: "must be an https:// address",
  face_mappings: "is no face; faces are called face_0, face_1 and so on",
  job_id: "may hold 1 to 64 letters, digits, - and _, and begins with a letter or digit",
  "options.engine": "must be the name of an engine, such as auto",
};
/** A mistake repeated a thousand times needs no thousand sentences. */
const MAX_SENTENCES = 20;
const MAX_SHOWN = 64;

/** What a validator found at one place. */
interface Fault {
  /** The place, as `options.trim.start`. */
  path: string;
  /** What it lies in, as `options.trim`; empty for the document itself. */
  parent: string;
  keyword: string;
  error: string;
}

/**
 * What is wrong with a document, in sentences that name each key and what it may be.
 *
 * `errors` is all that the validator found; `known` tells the keys that may stand at a place, such as `options`.
 */
export function explain(errors: OutputUnit[], known: (place: string) => string[]): string {
  const faults = faultsOf(errors);
  const [unknown, others] = [faults.filter(isUnknownKey), faults.filter((fault) => !isUnknownKey(fault))];
  const sentences = [...unknownKeys(unknown, known), ...othersTold(others)];
  const more = sentences.length - MAX_SENTENCES;
  return [...sentences.slice(0, MAX_SENTENCES), ...(more > 0 ? [`And ${more} more.`] : [])].join(" ");
}

/** The refusal of a manifest. */
export function invalid(message: string): Refused {
  return new Refused(400, "invalid_manifest", message);
}

/** A name as a sentence may show it. */
export function shown(name: string): string {
  return `\`${name.length > MAX_SHOWN ? `${name.slice(0, MAX_SHOWN)}…` : name}\``;
}

/** Of several forms that a value may have, the one that fits best tells most: other types say nothing. */
function faultsOf(errors: OutputUnit[]): Fault[] {
  const faults = errors.filter(({ keyword }) => !OUTER.has(keyword)).map(faultOf);
  const told = new Set(faults.filter(({ keyword }) => keyword !== "type").map(({ path }) => path));
  for (const { path } of faults) {
    for (let end = path.lastIndexOf("."); end > 0; end = path.lastIndexOf(".", end - 1))
      told.add(path.slice(0, end));
  }
  return faults.filter(({ path, keyword }) => keyword !== "type" || !told.has(path));
}

function faultOf({ instanceLocation, keyword, error }: OutputUnit): Fault {
  const parts = instanceLocation.split("/").slice(1).map(decodeURIComponent);
  const names = parts.map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  return { path: names.join("."), parent: names.slice(0, -1).join("."), keyword, error };
}

const isUnknownKey = ({ keyword }: Fault): boolean => keyword === "false";

function unknownKeys(faults: Fault[], known: (place: string) => string[]): string[] {
  return [...Map.groupBy(faults, ({ parent }) => parent)].map(([place, all]) => {
    const names = all.slice(0, MAX_SENTENCES).map(({ path }) => shown(path));
    const more = all.length > MAX_SENTENCES ? ` and ${all.length - MAX_SENTENCES} more` : "";
    return `Unknown key ${names.join(", ")}${more}; known are ${known(place).join(", ")}.`;
  });
}

function othersTold(faults: Fault[]): string[] {
  const places = Map.groupBy(
    faults,
    ({ path, keyword, error }) => `${keyword} ${path} ${keyword === "type" || error}`,
  );
  return [...places.values()].flatMap((same) => (same[0] ? [sentence(same[0], same)] : []));
}

function sentence({ path, keyword, error }: Fault, same: Fault[]): string {
  switch (keyword) {
    case "required": {
      const missing = /"(.*)"/.exec(error)?.[1] ?? "";
      return `${shown(path ? `${path}.${missing}` : missing)} is missing.`;
    }
    case "type":
      return `${shown(path)} must be ${same.flatMap(expectedType).join(" or ")}.`;
    case "enum":
      return `${shown(path)} must be one of ${JSON.parse(/\[.*\]/.exec(error)?.[0] ?? "[]").join(", ")}.`;
    case "pattern":
      return `${shown(path)} ${PATTERNS[path] ?? PATTERNS[path.split(".")[0] ?? ""] ?? "is not allowed"}.`;
    case "minLength":
    case "minProperties":
      return `${shown(path)} is empty.`;
    default:
      return `${shown(path)}: ${error}`;
  }
}

/** The type wanted, in words; none for null, which stands for what is not given. */
function expectedType({ error }: Fault): string[] {
  const type = /Expected "(.*)"/.exec(error)?.[1] ?? "";
  return TYPES[type] ? [TYPES[type]] : [];
}
