import { t } from "../i18n";
import { lazily } from "../lazily";
import { Dialog } from "./Dialog";

const Why = lazily("Why", () => import("../later/About"));

/** Why people are asked whether those shown have agreed. */
export function WhyDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog title={t("common.footer.why")} open={open} onClose={onClose}>
      <Why />
    </Dialog>
  );
}
