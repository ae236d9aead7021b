import { useState } from "preact/hooks";
import type { Entry } from "./entries";
import { jobs, statusOf } from "./jobs";
import { whenOnline } from "./online";
import type { View } from "./view";

/** Where what was changed can be fetched, null where it is not known or cannot be shown; and what says that. */
export function useBefore(entry: Entry): [string | null, () => void] {
  const [lost, setLost] = useState(false);
  const file = entry.note.request?.target.fileId;
  return [file && !lost ? `/api/download/${file}` : null, () => setLost(true)];
}

/**
 * Whether this browser cannot show the result, and what says so: the file may be deleted, or of an unknown kind. One that
 * did not come for want of a connection is shown once there is one.
 */
export function useResultLost(view: View): [boolean, () => void] {
  const [lost, setLost] = useState(false);
  const check = async () => {
    setLost(true);
    const status = await statusOf(view.result_url ?? "");
    if (status === 404) jobs.deleted(view.id);
    if (status) return;
    await whenOnline();
    setLost(false);
  };
  return [lost, () => void check()];
}

/** The room a result takes, so that nothing moves when it has come. */
export function frame({ result }: View): { aspectRatio: string } {
  return { aspectRatio: `${result?.width || 1} / ${result?.height || 1}` };
}

/** What of a picture shows beside the line; both are cut, so that neither shines through the other. */
export function cut(side: "before" | "after", share: number): { clipPath: string } {
  return { clipPath: side === "before" ? `inset(0 ${100 - share}% 0 0)` : `inset(0 0 0 ${share}%)` };
}
