import type { components } from "../../contract";

type Schemas = components["schemas"];

/** A job as `GET /api/status/{id}` tells of it. */
export type View = Schemas["StatusView"];
export type Stage = Schemas["Stage"];
export type Progress = Schemas["Progress"];
export type JobWarning = Schemas["JobWarning"];
export type Ending = "completed" | "failed" | "cancelled";

/** How the job ended, null while it has not: a record that has ended never changes again. */
export function ending(view: View): Ending | null {
  return view.status === "pending" || view.status === "processing" ? null : view.status;
}
