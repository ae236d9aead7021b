import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { PictureIcon } from "../../parts/icons";
import { say } from "./checkwords";
import { Findings } from "./Findings";
import { type Findings as Found, inspect } from "./inspect";
import "./check.css";

type State =
  | { step: "idle" }
  | { step: "looking" | "unknown" | "failed"; file: File }
  | { step: "found"; found: Found };

/** Where a file is dropped, pasted or chosen to see what it says of its making; it stays on this device. */
export function Check() {
  const state = useSignal<State>({ step: "idle" });
  const work = useRef(new AbortController());
  const input = useRef<HTMLInputElement>(null);
  const look = async (file: File) => {
    work.current.abort();
    const stop = new AbortController();
    work.current = stop;
    state.value = { step: "looking", file };
    const found = await inspect(file, stop.signal).catch(() => undefined);
    if (stop.signal.aborted) return;
    if (found) state.value = { step: "found", found };
    else state.value = { step: found === null ? "unknown" : "failed", file };
  };
  useEffect(() => {
    const unlisten = listen(look);
    return () => {
      unlisten();
      work.current.abort();
    };
  }, []);
  const pick = () => input.current?.click();
  return (
    <div class="check">
      <div class={state.value.step === "idle" ? "drop" : "drop small"}>
        <PictureIcon />
        <b>{say("drop")}</b>
        <button class="btn sm" type="button" onClick={pick}>
          {say("choose")}
        </button>
        <p class="small soft">{say("here")}</p>
      </div>
      <input
        ref={input}
        type="file"
        hidden
        onChange={({ currentTarget }) => {
          const file = currentTarget.files?.[0];
          if (file) void look(file);
          currentTarget.value = "";
        }}
      />
      <div role="status">
        <Shown state={state.value} again={look} />
      </div>
    </div>
  );
}

function Shown({ state, again }: { state: State; again: (file: File) => Promise<void> }) {
  if (state.step === "idle") return null;
  if (state.step === "found")
    return (
      <>
        <p class="name">{state.found.file.name}</p>
        <Findings found={state.found} />
      </>
    );
  const { step, file } = state;
  return (
    <>
      <p class="name">{file.name}</p>
      <p class={step === "looking" ? "note pulse" : "note"}>{say(step)}</p>
      {step === "failed" && (
        <button class="btn second sm" type="button" onClick={() => again(file)}>
          {say("again")}
        </button>
      )}
    </>
  );
}

/**
 * Take what is dropped or pasted while this is shown, wherever the focus is; returns what ends it. The page takes nothing
 * meanwhile (see drop.ts).
 */
function listen(take: (file: File) => void): () => void {
  const stop = new AbortController();
  const handle = (event: Event, data: DataTransfer | null) => {
    const [file] = data?.files ?? [];
    if (!file) return;
    event.preventDefault();
    take(file);
  };
  window.addEventListener("drop", (event) => handle(event, event.dataTransfer), { signal: stop.signal });
  window.addEventListener("paste", (event) => handle(event, event.clipboardData), { signal: stop.signal });
  return () => stop.abort();
}
