import { useSignal } from "@preact/signals";
import { t } from "../i18n";
import { lazily } from "../lazily";
import { Dialog } from "./Dialog";
import { WhyDialog } from "./WhyDialog";

const Files = lazily("Files", () => import("../later/About"));

/** What people may want to know, each behind its button. */
export function Footer() {
  const open = useSignal<"files" | "why" | null>(null);
  const close = () => {
    open.value = null;
  };
  return (
    <footer>
      <span>swapdrop</span>
      <button class="link" type="button" onClick={() => (open.value = "files")}>
        {t("common.footer.files")}
      </button>
      <button class="link" type="button" onClick={() => (open.value = "why")}>
        {t("common.footer.why")}
      </button>
      <Dialog title={t("common.footer.files")} open={open.value === "files"} onClose={close}>
        <Files />
      </Dialog>
      <WhyDialog open={open.value === "why"} onClose={close} />
    </footer>
  );
}
