import type { components } from "../../contract";
import { call, NetworkError } from "./api";
import { whenOnline } from "./online";
import { sleep } from "./wait";

type Schemas = components["schemas"];

/** What looking for faces found; lengths in pixels of the picture, `track` in seconds of the video. */
export type Detection = Schemas["DetectionView"];
export type Face = Schemas["DetectedFace"];

/** Where looking stands; `slow` once the service has said that it takes longer. */
export type Looking =
  | { step: "none" }
  | { step: "looking"; slow: boolean }
  | { step: "found"; found: Detection }
  | { step: "failed"; error: unknown };

const AGAIN_MS = 2000;

/**
 * Look for faces in a stored file, as long as it takes; `slow` is called when it takes long.
 *
 * Raises ApiError when it cannot be done, or the reason of `signal`.
 */
export async function lookForFaces(
  fileId: string,
  slow: () => void,
  signal: AbortSignal,
): Promise<Detection> {
  const headers = { Prefer: "respond-async" };
  for (;;) {
    try {
      const asking = { method: "POST", json: { fileId }, headers, signal } as const;
      const said = await call<Detection | Schemas["JobAccepted"]>("/api/detect-faces", asking);
      if ("faces" in said) return said;
      slow();
      await sleep(AGAIN_MS, signal);
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
      await whenOnline(signal);
    }
  }
}

/** Where a face is, to people who look at the picture. */
export function place(face: Face, width: number): "left" | "middle" | "right" {
  const share = face.center_x / width;
  if (share < 0.4) return "left";
  return share > 0.6 ? "right" : "middle";
}
