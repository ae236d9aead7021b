/** An upload that is in the bucket; `size` in bytes. */
export interface FileRef {
  fileId: string;
  name: string;
  type: string;
  size: number;
}

/** The part of a video to work on, in seconds from its start. */
export interface Trim {
  start?: number;
  end?: number;
}

export type OptionValue = string | number | boolean | Trim;

/** All it takes to start the same job again. */
export interface SwapRequest {
  kind: "picture" | "video";
  target: FileRef;
  /** Key of the detection, from `POST /api/detect-faces`. */
  detection?: string;
  /** One face for all (`manyFaces`), or for the only person. */
  everyone?: FileRef;
  /** `face_<n>` to its new face. */
  faces: Record<string, FileRef>;
  manyFaces: boolean;
  options: Record<string, OptionValue>;
}

/** The last part of the address that takes this request: single-image, multi-image, single-video, multi-video. */
export function processType(request: SwapRequest): string {
  const people = request.everyone ? "single" : "multi";
  return `${people}-${request.kind === "video" ? "video" : "image"}`;
}

/** The JSON body of `POST /api/process/{type}`; `madeAt` is when somebody started it, and so said yes or no. */
export function body(request: SwapRequest, consent: boolean, madeAt: number): unknown {
  return {
    target: request.target.fileId,
    ...whoGetsWhat(request),
    options: request.everyone ? { ...request.options, many_faces: request.manyFaces } : request.options,
    consent: consent ? { attested: true, time: new Date(madeAt).toISOString() } : { attested: false },
  };
}

function whoGetsWhat(request: SwapRequest): object {
  if (request.everyone) return { source: request.everyone.fileId };
  const faces = Object.entries(request.faces).map(([face, file]) => [face, file.fileId]);
  return {
    face_mappings: Object.fromEntries(faces),
    ...(request.detection && { detection: request.detection }),
  };
}
