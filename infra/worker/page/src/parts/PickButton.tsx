import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { place } from "../draft";

const PICTURES = "image/*,.heic,.heif,.avif";
/** By their names too: not every system knows of all of them that they are videos. */
const VIDEOS = "video/*,.mkv,.avi,.flv,.wmv,.3gp,.mpg,.ts,.mts,.m2ts";

interface Props {
  /** What the file is for: "target", "face" or a face id. `pick-<spot>` opens it from elsewhere. */
  spot: string;
  id?: string;
  class: string;
  label?: string | undefined;
  children: ComponentChildren;
}

/** A button that lets people choose a file. */
export function PickButton({ spot, id, class: look, label, children }: Props) {
  const input = useRef<HTMLInputElement>(null);
  const pick = (event: Event & { currentTarget: HTMLInputElement }) => {
    const files = [...(event.currentTarget.files ?? [])];
    // Else the same file could not be chosen a second time.
    event.currentTarget.value = "";
    place(files.slice(0, 1), spot);
  };
  return (
    <>
      <button id={id} class={look} type="button" aria-label={label} onClick={() => input.current?.click()}>
        {children}
      </button>
      <input
        ref={input}
        id={`pick-${spot}`}
        type="file"
        hidden
        accept={spot === "target" ? `${PICTURES},${VIDEOS}` : PICTURES}
        onChange={pick}
      />
    </>
  );
}
