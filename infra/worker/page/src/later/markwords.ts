import { t } from "../i18n";
import type { View } from "../view";

/** What a result says of its own making, and of its inputs'. */
export function markLines({ result }: View): string[] {
  const marks = result?.marks;
  if (!marks) return [];
  const { system, version, provider, output_id: id, signed_by: signer } = marks;
  const inputs = marks.earlier.map((mark) => {
    const kind = mark.digital_source_type?.split("/").at(-1) ?? "";
    const what = [mark.system ?? "", mark.provider ?? "", kind].filter(Boolean).join(", ");
    return t("jobs.details.input", { what: what || "AIGC" });
  });
  const signed = signer ? [t("jobs.details.signed", { signer })] : [];
  return [t("jobs.details.altered", { system, version, provider, id }), ...signed, ...inputs];
}
