import { claimRows, type Row, say, signatureRows, type Verdict, verdict } from "./checkwords";
import type { Findings as Found } from "./inspect";

const LOOKS: Partial<Record<Verdict, string>> = {
  trusted: "note good",
  changed: "note bad",
  invalid: "note bad",
};

/** What a file says of itself and whether that holds: in a sentence first, then in full. */
export function Findings({ found }: { found: Found }) {
  const is = verdict(found);
  return (
    <div class="findings">
      <div class={LOOKS[is] ?? "note"}>
        <p>
          <b>{say(`verdict.${is}.title`)}</b>
        </p>
        <p>{say(`verdict.${is}.text`, { signer: found.signature?.signedBy || say("nobody") })}</p>
        {found.beside && <p>{say("beside")}</p>}
      </div>
      {found.claim && <Rows title={say("says.title")} rows={claimRows(found.claim)} />}
      {found.signature && <Rows title={say("signature.title")} rows={signatureRows(found)} />}
    </div>
  );
}

function Rows({ title, rows }: { title: string; rows: Row[] }) {
  if (rows.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <dl>
        {rows.map(([name, words]) => (
          <div key={name + words}>
            <dt>{name}</dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
