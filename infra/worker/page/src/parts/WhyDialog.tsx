import { t } from "../i18n";
import { Dialog } from "./Dialog";

/** Why people are asked whether those shown have agreed. */
export function WhyDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog title={t("common.footer.why")} open={open} onClose={onClose}>
      <p>{t("common.why.people")}</p>
      <p>{t("common.why.say")}</p>
      <p>{t("common.why.kept")}</p>
    </Dialog>
  );
}
