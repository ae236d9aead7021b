import { type ReadonlySignal, signal } from "@preact/signals";
import { place } from "./draft";

const over = signal<string | null>(null);

/** What a dragged file hangs over: the `data-drop` of that place, "" anywhere else, null while none is dragged. */
export const dragged: ReadonlySignal<string | null> = over;

/** Take files that are dropped or pasted anywhere in the window; returns what ends it. */
export function watchDrops(): () => void {
  const stop = new AbortController();
  const listen = { signal: stop.signal };
  const drag = (event: DragEvent) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    over.value = spotOf(event.target) ?? "";
  };
  window.addEventListener("dragenter", drag, listen);
  window.addEventListener("dragover", drag, listen);
  window.addEventListener("dragleave", (event) => event.relatedTarget ?? leave(), listen);
  window.addEventListener("drop", (event) => take(event, event.dataTransfer, event.target), listen);
  window.addEventListener("paste", (event) => take(event, event.clipboardData, event.target), listen);
  return () => stop.abort();
}

function leave(): void {
  over.value = null;
}

function take(event: Event, data: DataTransfer | null, at: EventTarget | null): void {
  leave();
  const files = [...(data?.files ?? [])];
  if (event.type === "drop") event.preventDefault();
  // A window above the page may take it; nothing that is put there is for the page to send.
  if (files.length === 0 || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  place(files, spotOf(at));
}

function spotOf(at: EventTarget | null): string | undefined {
  const spot = at instanceof Element ? at.closest<HTMLElement>("[data-drop]") : null;
  return spot?.dataset.drop;
}
