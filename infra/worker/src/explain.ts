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
  callback_url: "must be an https:// address",
  face_mappings: "is no face; faces are called face_0, face_1 and so on",
  job_id: "may hold 1 to 64 letters, digits, - and _, and begins with a letter or digit",
  "options.engine": "must be the name of an engine, such as auto",
};
/** A mistake repeated a thousand times needs no thousand sentences. */
const MAX_SENTENCES = 20;
const MAX_SHOWN = 64;

/**
 * What is wrong with a document, in sentences that name each key and what it may be.
 *
 * `errors` is all that the validator found; `known` tells the keys that may stand at a place, such as `options`.
 */
export function explain(errors: OutputUnit[], known: (place: string) => string[]): string {
  const inner = errors.filter((unit) => !OUTER.has(unit.keyword)).map((unit) => ({ ...unit, path: pathOf(unit) }));
  const told = inner.filter((unit) => !isOvershadowed(unit, inner));
  const sentences = [...unknownKeys(told, known), ...otherFaults(told)];
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

type Unit = OutputUnit & { path: string };

function pathOf(unit: OutputUnit): string {
  const parts = unit.instanceLocation.split("/").slice(1).map(decodeURIComponent);
  return parts.map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~")).join(".");
}

/** Of several forms that a value may have, the one that fits best tells most: other types say nothing. */
function isOvershadowed(unit: Unit, all: Unit[]): boolean {
  if (unit.keyword !== "type") return false;
  return all.some(({ path, keyword }) => path.startsWith(`${unit.path}.`) || (path === unit.path && keyword !== "type"));
}

function unknownKeys(units: Unit[], known: (place: string) => string[]): string[] {
  const places = new Map<string, string[]>();
  for (const { path, keyword } of units) {
    if (keyword !== "false") continue;
    const place = path.includes(".") ? path.slice(0, path.lastIndexOf(".")) : "";
    places.set(place, [...(places.get(place) ?? []), path]);
  }
  return [...places].map(([place, paths]) => {
    const names = paths.slice(0, MAX_SENTENCES).map(shown).join(", ");
    const more = paths.length > MAX_SENTENCES ? ` and ${paths.length - MAX_SENTENCES} more` : "";
    return `Unknown key ${names}${more}; known are ${known(place).join(", ")}.`;
  });
}

function otherFaults(units: Unit[]): string[] {
  const faults = units.filter((unit) => unit.keyword !== "false");
  return [...new Set(faults.map((unit) => sentence(unit, faults)))];
}

function sentence(unit: Unit, all: Unit[]): string {
  const quoted = /"(.*)"/.exec(unit.error)?.[1] ?? "";
  switch (unit.keyword) {
    case "required":
      return `${shown(unit.path ? `${unit.path}.${quoted}` : quoted)} is missing.`;
    case "type":
      return `${shown(unit.path)} must be ${typesAt(unit.path, all)}.`;
    case "enum":
      return `${shown(unit.path)} must be one of ${wordsOf(unit.error).join(", ")}.`;
    case "pattern":
      return `${shown(unit.path)} ${PATTERNS[unit.path] ?? PATTERNS[unit.path.split(".")[0] ?? ""] ?? "is not allowed"}.`;
    case "minLength":
    case "minProperties":
      return `${shown(unit.path)} is empty.`;
    default:
      return `${shown(unit.path)}: ${unit.error}`;
  }
}

function typesAt(path: string, all: Unit[]): string {
  const types = all.filter((unit) => unit.path === path && unit.keyword === "type").map(expectedType);
  return types.flatMap((type) => TYPES[type] ?? []).join(" or ");
}

const expectedType = (unit: Unit): string => /Expected "(.*)"/.exec(unit.error)?.[1] ?? "";

function wordsOf(error: string): string[] {
  return JSON.parse(/\[.*\]/.exec(error)?.[0] ?? "[]");
}
