import { Hono } from "hono";
import { getPath } from "hono/utils/url";
import openapi from "../openapi.json";
import type { App, Routes } from "./env";
import { answer } from "./errors";
import { missing, storeForm } from "./forms";
import { readManifest } from "./manifest";
import { type Fields, isObject } from "./spelling";
import { requireConsent, submit } from "./submit";

/*
 * All that is done for clients of earlier versions, and nothing else. They are told by the names they have for a job's
 * files; they know of no consent (see REQUIRE_CONSENT), and take only 200 for the yes to a preflight (see cors.ts).
 */

const OLD_NAMES = ["source_file", "target_file"];
const KNOWN_OPTIONS = Object.keys(openapi.components.schemas.Options.properties);

/** The path that a request means: earlier clients join their base address, which ends in /api, with our `url`. */
export function pathOf(request: Request): string {
  return getPath(request).replace(/^\/api\/api\/download\//, "/api/download/");
}

/** What a request of an earlier client means; any other comes back as it is. */
export function modern(document: Fields, type: string): Fields {
  if (!OLD_NAMES.some((name) => Object.hasOwn(document, name))) return document;
  const meant: Fields = { ...document };
  const { source_file: source, face_mappings: faces } = document;
  if (!/^multi/i.test(type)) {
    if (faces === null || (isObject(faces) && !Object.keys(faces).length)) delete meant.face_mappings;
  } else if (faces !== undefined || source === "") {
    delete meant.source_file;
  }
  if (isObject(document.options)) meant.options = options(document.options);
  return meant;
}

/** They ask for the enhancer whether there is one or not, and for a `quality` and more that never meant anything. */
function options(asked: Fields): Fields {
  const known = Object.entries(asked).filter(([name]) => KNOWN_OPTIONS.includes(name));
  const auto = asked.use_face_enhancer === true ? { use_face_enhancer: "auto" } : {};
  return { ...Object.fromEntries(known), ...auto };
}

/** Two pictures and the job on them in one form. */
export const legacyRoutes: Routes = new Hono<App>().post("/api/single-image-swap", async (c) => {
  // Before two pictures are stored for nothing.
  requireConsent(c.env, undefined);
  const { files } = await storeForm(c, ["source_image", "target_image"]);
  const fileId = (name: string) => {
    const file = files.get(name);
    if (!file) throw missing(name);
    return file.fileId;
  };
  const asked = { source: fileId("source_image"), target: fileId("target_image") };
  const jobId = await submit(c.env, readManifest(asked, "single-image", false));
  return answer(c, { job_id: jobId, jobId }, 202);
});
