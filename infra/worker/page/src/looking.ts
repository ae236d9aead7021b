import type { components } from "../../contract";
import { ApiError, call, NetworkError } from "./api";
import { whenOnline } from "./online";
import { ending, type View } from "./view";
import { sleep } from "./wait";

type Schemas = components["schemas"];

/** What looking for faces found; lengths in pixels of the picture, `track` in seconds of the video. */
export type Detection = Schemas["DetectionView"];
export type Face = Schemas["DetectedFace"];

/** Where looking stands; `job` is that of the machine that looks, once it has turned out to take longer. */
export type Looking =
  | { step: "none" }
  | { step: "looking"; job: View | null }
  | { step: "found"; found: Detection }
  | { step: "failed"; error: unknown };

const AGAIN_MS = 2000;

/**
 * Look for faces in a stored file, as long as it takes; where that is long, `tell` hears how the job stands.
 *
 * Raises ApiError when it cannot be done, or the reason of `signal`.
 */
export async function lookForFaces(
  fileId: string,
  tell: (job: View) => void,
  signal: AbortSignal,
): Promise<Detection> {
  const headers = { Prefer: "respond-async" };
  for (;;) {
    try {
      const asking = { method: "POST", json: { fileId }, headers, signal } as const;
      const said = await call<Detection | Schemas["JobAccepted"]>("/api/detect-faces", asking);
      if ("faces" in said) return said;
      await untilDone(said.jobId, tell, signal);
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
      await whenOnline(signal);
    }
  }
}

async function untilDone(jobId: string, tell: (job: View) => void, signal: AbortSignal): Promise<void> {
  for (;;) {
    const job = await call<View>(`/api/status/${jobId}`, { signal });
    if (job.status === "completed") return;
    if (job.error && job.status === "failed")
      throw new ApiError(422, job.error.code, job.error.message, null);
    if (ending(job)) throw new ApiError(409, "already_ended", "", null);
    tell(job);
    await sleep(AGAIN_MS, signal);
  }
}

/** Where a face is, to people who look at the picture. */
export function place(face: Face, width: number): "left" | "middle" | "right" {
  const share = face.center_x / width;
  if (share < 0.4) return "left";
  return share > 0.6 ? "right" : "middle";
}
