import type { ComponentChildren } from "preact";
import type { Entry } from "../entries";
import { bytes, clock, moment, number } from "../format";
import { stageWords } from "../jobwords";
import type { View } from "../view";
import { say } from "./detailwords";
import { markLines } from "./markwords";
import { sayVideo } from "./videowords";

interface Props {
  entry: Entry;
  view: View;
}

/** Everything the record tells, for whoever wants to know it exactly. */
export function Facts({ entry, view }: Props) {
  const { result, engine, error } = view;
  return (
    <dl>
      <Row name={say("id")}>
        <a href={`?job=${encodeURIComponent(view.id)}`}>{view.id}</a>
      </Row>
      <Row name={say("sent")}>{moment(view.created_at ?? entry.madeAt)}</Row>
      {view.started_at && <Row name={say("began")}>{moment(view.started_at)}</Row>}
      {view.finished_at && <Row name={say("ended")}>{moment(view.finished_at)}</Row>}
      <Lines name={say("steps")} lines={steps(view)} />
      {engine && (
        <Row name={say("engine")}>
          {engine.name} {engine.version}, {engine.provider}
        </Row>
      )}
      <Lines
        name={say("models")}
        lines={Object.entries(engine?.models ?? {}).map((file) => file.join(" "))}
      />
      {result && (
        <Row name={say("file")}>
          {[result.content_type, size(result), length(result), bytes(result.size)].filter(Boolean).join(", ")}
        </Row>
      )}
      <Beside view={view} />
      <Lines name={say("marks")} lines={markLines(view)} />
      {result && <Row name={say("hash")}>{result.sha256}</Row>}
      {error && <Row name={say("code")}>{error.code}</Row>}
      <Lines name={say("attempts")} lines={attempts(view)} />
      <Lines name={say("notes")} lines={view.warnings.map((warning) => warning.message)} lang="en" />
    </dl>
  );
}

/** What goes with a result. */
function Beside({ view }: { view: View }) {
  const { poster_url: poster, preview_url: preview, sidecar_url: sidecar } = view;
  const link = (address: string, words: string) => (
    <a class="line" href={address} download>
      {words}
    </a>
  );
  if (!poster && !preview && !sidecar) return null;
  return (
    <Row name={say("beside")}>
      {poster && link(poster, sayVideo("poster"))}
      {preview && link(preview, sayVideo("preview"))}
      {sidecar && link(sidecar, sayVideo("sidecar"))}
    </Row>
  );
}

function Row({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Lines({ name, lines, lang }: { name: string; lines: string[]; lang?: string }) {
  if (lines.length === 0) return null;
  return (
    <Row name={name}>
      {lines.map((line) => (
        <span key={line} class="line" lang={lang}>
          {line}
        </span>
      ))}
    </Row>
  );
}

function steps({ timings_ms }: View): string[] {
  const time = (ms: number) => number(ms, { style: "unit", unit: "millisecond", maximumFractionDigits: 0 });
  return Object.entries(timings_ms).map(([stage, ms]) => `${stageWords(stage)}: ${time(ms)}`);
}

function attempts({ error }: View): string[] {
  return (error?.attempts ?? []).map(({ attempt, code, stage, message }) => {
    return say("attempt", { attempt, what: `${stageWords(stage)}, ${code}. ${message}` });
  });
}

function length({ duration_s }: NonNullable<View["result"]>): string {
  return duration_s ? clock(duration_s) : "";
}

function size({ width, height }: NonNullable<View["result"]>): string {
  return width && height ? `${width} × ${height}` : "";
}
