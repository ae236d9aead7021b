import type { components } from "../contract";
import type { Found, Status } from "./records";

/** A job as it is shown. */
export type StatusView = components["schemas"]["StatusView"];

type Addresses = Pick<StatusView, "result_url" | "poster_url" | "preview_url" | "sidecar_url">;

const NOWHERE: Addresses = { result_url: null, poster_url: null, preview_url: null, sidecar_url: null };
/** Attempts that a consumer allows unless it is told otherwise. */
const MAX_ATTEMPTS = 3;

/** A job as it is shown: its record less its lease and what was asked for, with what earlier clients read. */
export function viewOf(jobId: string, found: Found, ahead?: number): StatusView {
  if ("announced" in found) return waiting(jobId, found.announced, ahead);
  const { lease: _lease, manifest, progress, ...record } = found.record;
  const type = manifest?.process_type;
  return {
    ...record,
    id: jobId,
    type: typeof type === "string" ? type : null,
    progress: progress.percent,
    progress_detail: progress,
    ...addresses(jobId, found.record),
    error_message: (record.status === "failed" && record.error?.message) || null,
  };
}

/** What differs between two states of a job that are shown: the version of its record, or its place in line. */
export function versionOf(view: StatusView): string {
  return view.rev > 0 ? `${view.rev}-${view.write_id}` : `0-${view.queue?.ahead ?? ""}`;
}

/** Where what a job has made can be fetched; earlier clients take the extension of what they save from the first. */
function addresses(jobId: string, { status, result }: Status): Addresses {
  if (status !== "completed" || !result) return NOWHERE;
  const address = `/api/download/${jobId}`;
  return {
    result_url: `${address}.${result.key.split(".").at(-1)}`,
    poster_url: result.poster ? `${address}/poster` : null,
    preview_url: result.preview ? `${address}/preview` : null,
    sidecar_url: result.sidecar ? `${address}/sidecar` : null,
  };
}

function waiting(jobId: string, announced: R2Object, ahead: number | undefined): StatusView {
  const since = announced.uploaded.toISOString();
  return {
    version: 1,
    job_id: jobId,
    rev: 0,
    write_id: "",
    status: "pending",
    stage: "queued",
    attempt: 0,
    max_attempts: MAX_ATTEMPTS,
    not_before: null,
    created_at: since,
    updated_at: since,
    started_at: null,
    finished_at: null,
    timings_ms: {},
    result: null,
    faces: null,
    warnings: [],
    error: null,
    engine: null,
    id: jobId,
    type: announced.customMetadata?.type ?? null,
    progress: 0,
    progress_detail: {
      done: 0,
      total: 0,
      unit: "pictures",
      percent: 0,
      fps: null,
      left_s: null,
      segments: null,
    },
    ...NOWHERE,
    error_message: null,
    ...(ahead === undefined ? {} : { queue: { ahead } }),
  };
}
