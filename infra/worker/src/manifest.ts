import { type Schema, Validator } from "@cfworker/json-schema";
import type { components } from "../contract";
import openapi from "../openapi.json";
import { explain, invalid, shown } from "./explain";
import { Objection, readReference } from "./references";
import { type Fields, isObject, normalised, refuseOddities } from "./spelling";

/** A job as the consumer reads it. */
export type Manifest = components["schemas"]["Manifest"];

const schemas = openapi.components.schemas;
const validator = new Validator(
  { $ref: "#/components/schemas/Manifest", components: { schemas } } as Schema,
  "2020-12",
  false,
);
/** Which schema holds at which place of a manifest. */
const PLACES: Record<string, keyof typeof schemas> = {
  "": "Manifest",
  consent: "Consent",
  options: "Options",
  "options.trim": "Trim",
};

/**
 * Read what a request asks for, in any accepted spelling; `type` is what its address says.
 *
 * `anyKey` as in `readReference`. Refuses with `invalid_manifest` and sentences that name each key.
 */
export function readManifest(document: Fields, type: string, anyKey: boolean): Manifest {
  refuseOddities(document);
  const fields = normalised(document, type);
  const { valid, errors } = validator.validate(fields);
  if (!valid) throw invalid(explain(errors, knownAt));
  const manifest = withoutNulls(fields) as Manifest;
  refuseMisfits(manifest);
  return withFiles(manifest, (name, text) => file(name, text, anyKey));
}

/** Say whether a consumer would understand this manifest. */
export function isManifest(fields: Fields): boolean {
  return validator.validate(fields).valid;
}

/** A file that a job names, and what it is for in the words of the consumer's sentences. */
export interface FileUse {
  file: string;
  use: string;
}

/** All files that a job names. */
export function filesOf({ source, target, detection, face_mappings: mappings }: Manifest): FileUse[] {
  const sources = [source ?? []].flat().map((file) => ({ file, use: "source" }));
  const faces = Object.entries(mappings ?? {}).map(([id, file]) => ({ file, use: `picture for ${id}` }));
  const found = detection ? [{ file: detection, use: "detection" }] : [];
  return [...sources, ...faces, { file: target, use: "target" }, ...found];
}

function knownAt(place: string): string[] {
  const name = PLACES[place];
  return name ? Object.keys((schemas[name] as { properties: object }).properties).sort() : [];
}

function withoutNulls(fields: Fields): Fields {
  const given = Object.entries(fields).filter(([, value]) => value !== null);
  return Object.fromEntries(
    given.map(([key, value]) => [key, isObject(value) ? withoutNulls(value) : value]),
  );
}

/** The rules that no schema tells. */
function refuseMisfits({ process_type: type, options, ...manifest }: Manifest): void {
  const wanted = { single: "source", multi: "face_mappings" }[type.split("-")[0] ?? ""];
  for (const name of ["source", "face_mappings"] as const) {
    const given = manifest[name] !== undefined;
    if (given && name !== wanted) throw invalid(`\`${name}\` does not go with \`${type}\`.`);
    if (!given && name === wanted) throw invalid(`\`${type}\` needs \`${name}\`.`);
  }
  const { start = 0, end } = options?.trim ?? {};
  if (typeof end === "number" && end <= start) {
    throw invalid("`options.trim.end` must be later than `options.trim.start`.");
  }
}

function withFiles(manifest: Manifest, read: (name: string, text: string) => string): Manifest {
  const { source, target, detection, face_mappings: mappings } = manifest;
  const found: Manifest = { ...manifest, target: read("target", target) };
  if (source)
    found.source =
      typeof source === "string" ? read("source", source) : source.map((each) => read("source", each));
  if (detection) found.detection = read("detection", detection);
  if (mappings) {
    const faces = Object.entries(mappings);
    found.face_mappings = Object.fromEntries(
      faces.map(([id, text]) => [id, read(`face_mappings.${id}`, text)]),
    );
  }
  return found;
}

function file(name: string, text: string, anyKey: boolean): string {
  try {
    return readReference(text, anyKey);
  } catch (error) {
    throw error instanceof Objection ? invalid(`${shown(name)} ${error.message}.`) : error;
  }
}
