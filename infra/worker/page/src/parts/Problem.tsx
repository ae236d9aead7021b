import { again } from "../draft";
import type { Entry } from "../entries";
import { type Key, t } from "../i18n";
import { jobs, startJob } from "../jobs";
import { errorWords } from "../jobwords";
import { type Mend, mend } from "../mend";
import type { SwapRequest } from "../request";
import type { View } from "../view";
import { Details } from "./Details";

interface Props {
  entry: Entry;
  code: string;
  /** The service's own sentence. */
  message: string;
  /** Of a job that was taken and failed; without one it was never taken. */
  view?: View;
}

/** Why a job came to nothing, and the one step that mends it. */
export function Problem({ entry, code, message, view }: Props) {
  const words = errorWords(code, message);
  const step = mend(code, message);
  const { request } = entry.note;
  return (
    <>
      <div class="note bad">
        <b>{words}</b>
        {message && message !== words && (
          <p class="own" lang="en">
            {message}
          </p>
        )}
      </div>
      {request && (
        <p class="actions">
          <button class="btn second sm" type="button" onClick={() => take(step, entry, request)}>
            {t(label(step, request))}
          </button>
        </p>
      )}
      {view && <Details entry={entry} view={view} />}
    </>
  );
}

function label(step: Mend, request: SwapRequest): Key {
  return step === "target" && request.kind === "video" ? "jobs.mend.target_video" : `jobs.mend.${step}`;
}

/** What was never taken is no job to look back at. */
function take(step: Mend, entry: Entry, request: SwapRequest): void {
  if (entry.refused) jobs.forget(entry.key);
  if (step === "retry") startJob({ ...entry.note, request }, entry.consent);
  else again(request, step);
}
