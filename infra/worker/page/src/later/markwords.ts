import type { View } from "../view";
import { say } from "./detailwords";

/** What a result says of its own making, and of its inputs'. */
export function markLines({ result }: View): string[] {
  const marks = result?.marks;
  if (!marks) return [];
  const { system, version, provider, output_id: id, signed_by: signer } = marks;
  const inputs = marks.earlier.map((mark) => {
    const kind = mark.digital_source_type?.split("/").at(-1) ?? "";
    const what = [mark.system ?? "", mark.provider ?? "", kind].filter(Boolean).join(", ");
    return say("input", { what: what || "AIGC" });
  });
  const signed = signer ? [say("signed", { signer })] : [];
  return [say("altered", { system, version, provider, id }), ...signed, ...inputs];
}
