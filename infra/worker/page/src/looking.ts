import { call, NetworkError } from "./api";
import { whenOnline } from "./online";
import { sleep } from "./wait";

/** A face as it was found; lengths in pixels of the picture, `track` in seconds of the video. */
export interface Face {
  face_id: string;
  x: number;
  y: number;
  width: number;
  height: number;
  center_x: number;
  /** A small picture of it, as a `data:` URL. */
  preview: string;
  track?: { first_s: number; last_s: number };
}

/** What looking for faces found; `detection` is the key by which a job refers to it. */
export interface Detection {
  detection: string;
  media: { kind: "picture" | "video"; width: number; height: number; duration_s?: number };
  faces: Face[];
}

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
      const said = await call<Detection | { jobId: string }>("/api/detect-faces", asking);
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
