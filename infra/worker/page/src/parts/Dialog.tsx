import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { t } from "../i18n";
import { CrossIcon } from "./icons";

interface Props {
  title: string;
  open: boolean;
  onClose: () => void;
  children: ComponentChildren;
}

/** A small window above the page; Escape and its button close it, and focus goes back to where it was. */
export function Dialog({ title, open, onClose, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby={heading} onClose={onClose}>
      <div class="title">
        <h2 id={heading}>{title}</h2>
        <button class="plain" type="button" aria-label={t("common.close")} onClick={onClose}>
          <CrossIcon />
        </button>
      </div>
      {open && children}
    </dialog>
  );
}
