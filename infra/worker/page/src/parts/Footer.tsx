import { useSignal } from "@preact/signals";
import { t } from "../i18n";
import { Dialog } from "./Dialog";
import { Kept } from "./Kept";
import { WhyDialog } from "./WhyDialog";

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
        <p>{t("common.files.where")}</p>
        <p>
          <Kept />
        </p>
        <p>{t("common.files.here")}</p>
        <p>{t("common.files.mark")}</p>
      </Dialog>
      <WhyDialog open={open.value === "why"} onClose={close} />
    </footer>
  );
}
