import openapi from "../openapi.json";
import { invalid, shown } from "./explain";

/** A JSON object as it came. */
export type Fields = Record<string, unknown>;

const PROCESS_TYPES = openapi.components.schemas.ProcessType.enum;
const PROCESS_ALIASES: Record<string, string> = {
  "single-image-base64": "single-image",
  video: "single-video",
};
const FIELD_ALIASES: Record<string, string> = {
  type: "process_type",
  ...aliases("source", "face", "source_file", "source_url", "source_image"),
  ...aliases(
    "target",
    "media",
    "target_file",
    "target_url",
    "target_image",
    "target_video",
    "image_file",
    "image_url",
  ),
};
/** No manifest goes deeper than four. */
const MAX_DEPTH = 16;
/** One with a mapping for each of a thousand faces has little more than that. */
const MAX_VALUES = 2000;

/**
 * A request in the contract's own names, whatever spelling it came in; `type` is what its address says.
 *
 * Keys that are not known stay, for the schema to name. Refuses with `invalid_manifest` what says two things at once.
 */
export function normalised(document: Fields, type: string): Fields {
  const fields = renamed(unwrapped(document), FIELD_ALIASES);
  const asked = processTypeOf(type);
  const again = fields.process_type ?? asked;
  if (typeof again !== "string" || processTypeOf(again) !== asked) {
    throw invalid(`The address says ${shown(asked)} and the body ${shown(String(again))}; let them agree.`);
  }
  if (Array.isArray(fields.source) && fields.source.length === 1) fields.source = fields.source[0];
  if (isObject(fields.options)) {
    const options = renamed(fields.options, {});
    if (typeof options.output_format === "string") options.output_format = formatOf(options.output_format);
    fields.options = options;
  }
  return { version: 1, ...fields, process_type: asked };
}

/** The name of a kind of job, whatever spelling it came in; refuses one that there is not. */
export function processTypeOf(text: string): string {
  const name = text.trim().toLowerCase().replaceAll("_", "-");
  const type = Object.hasOwn(PROCESS_ALIASES, name) ? (PROCESS_ALIASES[name] as string) : name;
  if (PROCESS_TYPES.includes(type)) return type;
  throw invalid(`There is no kind of job ${shown(text)}; known are ${PROCESS_TYPES.join(", ")}.`);
}

/**
 * Refuse what no manifest holds, before anything is made of it: more values than any, lists within lists without end,
 * and text that no record could keep, since JSON may write half a character (`\ud800`).
 */
export function refuseOddities(document: Fields): void {
  const left: [path: string[], value: unknown][] = [[[], document]];
  let values = 0;
  for (let next = left.pop(); next; next = left.pop()) {
    const [path, value] = next;
    if (path.length > MAX_DEPTH) throw invalid("The manifest has lists within lists that lead nowhere.");
    values += 1;
    if (values > MAX_VALUES) throw invalid(`The manifest holds more than ${MAX_VALUES} values.`);
    if (typeof value === "string" && !value.isWellFormed()) {
      throw invalid(`${shown(path.join("."))} holds half a character (such as \\ud800); write it anew.`);
    }
    if (typeof value !== "object" || value === null) continue;
    for (const [key, inner] of Object.entries(value)) {
      if (!key.isWellFormed())
        throw invalid("A key holds half a character (such as \\ud800); write it anew.");
      left.push([[...path, key], inner]);
    }
  }
}

/** Say whether a value is a JSON object. */
export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function aliases(name: string, ...others: string[]): Record<string, string> {
  return Object.fromEntries(others.map((other) => [other, name]));
}

/** Some clients wrap what they ask for: `{"id": …, "input": {…}}`. */
function unwrapped(document: Fields): Fields {
  const { input, id, ...rest } = document;
  if (!isObject(input)) return document;
  return { ...rest, ...(id === undefined ? {} : { job_id: id }), ...input };
}

function renamed(document: Fields, names: Record<string, string>): Fields {
  const given = new Map<string, [string, unknown]>();
  for (const [key, value] of Object.entries(document)) {
    const snake = key.replaceAll("-", "_");
    const name = Object.hasOwn(names, snake) ? (names[snake] as string) : snake;
    const before = given.get(name);
    if (before && JSON.stringify(before[1]) !== JSON.stringify(value)) {
      throw invalid(`${shown(before[0])} and ${shown(key)} say the same thing differently; keep one.`);
    }
    given.set(name, [key, value]);
  }
  return Object.fromEntries([...given].map(([name, [, value]]) => [name, value]));
}

function formatOf(text: string): string {
  const lowered = text.toLowerCase();
  return lowered === "jpg" ? "jpeg" : lowered;
}
