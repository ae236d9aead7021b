import { useSignal } from "@preact/signals";
import { t } from "../i18n";
import { lazily } from "../lazily";
import { Dialog } from "./Dialog";

const Check = lazily("Check", () => import("../later/check/Check"));

/** Opens the window in which a file tells what it says of its making. */
export function CheckButton() {
  const open = useSignal(false);
  const title = t("common.header.check");
  return (
    <>
      <button class="plain" type="button" onClick={() => (open.value = true)}>
        {title}
      </button>
      <Dialog title={title} open={open.value} onClose={() => (open.value = false)}>
        <Check />
      </Dialog>
    </>
  );
}
