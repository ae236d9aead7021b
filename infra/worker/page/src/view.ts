export type State = "pending" | "processing" | "completed" | "failed" | "cancelled";
export type Stage =
  | "queued"
  | "download"
  | "decode"
  | "detect"
  | "swap"
  | "paste"
  | "encode"
  | "upload"
  | "finish";

/** How far a stage is; `total` is 0 while it is not known, `percent` is of the stage. */
export interface Progress {
  done: number;
  total: number;
  unit: string;
  percent: number;
}

/** The file that counts; sizes in bytes and pixels. */
export interface Result {
  sha256: string;
  size: number;
  content_type: string;
  width: number | null;
  height: number | null;
  frames?: number | null;
  duration_s?: number | null;
  faces_swapped: number | null;
}

export interface FaceOutcome {
  face_id: string;
  swapped: boolean;
}

export interface Warning {
  code: string;
  message: string;
}

export interface Attempt extends Warning {
  attempt: number;
  stage: string;
  at: string;
}

export interface Engine {
  name: string;
  version: string;
  provider: string;
  models: Record<string, string>;
}

/**
 * A job as `GET /api/status/{id}` tells of it: the record less its lease and manifest.
 *
 * Of a job that nobody has taken there is no record yet, so all but the first three may be missing.
 */
export interface View {
  id: string;
  status: State;
  /** How many were sent before it and are not taken yet; only while it waits, and not always known. */
  queue?: { ahead: number | null };
  rev?: number;
  type?: string | null;
  stage?: Stage;
  progress_detail?: Progress;
  attempt?: number;
  not_before?: string | null;
  created_at?: string | null;
  updated_at?: string | null;
  started_at?: string | null;
  finished_at?: string | null;
  timings_ms?: Record<string, number>;
  result?: Result | null;
  result_url?: string | null;
  faces?: FaceOutcome[] | null;
  warnings?: Warning[];
  error?: (Warning & { retryable: boolean; attempts: Attempt[] }) | null;
  engine?: Engine | null;
}

/** Whether the job has ended: such a record never changes again. */
export function hasEnded(view: View): boolean {
  return view.status === "completed" || view.status === "failed" || view.status === "cancelled";
}
