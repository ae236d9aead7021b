import { type Entry, isOver } from "../entries";
import { type Key, t } from "../i18n";
import { jobs } from "../jobs";
import { online, pausedUntil } from "../online";
import { MOST_RUNNING } from "../outbox";
import { session } from "../session";
import { Pulse } from "./Pulse";

/** A job that is still in this page, and what it waits for. */
export function Unsent({ entry }: { entry: Entry }) {
  return <Pulse words={t(entry.stop === "no" ? reason(entry) : "jobs.stopping")} />;
}

function reason(entry: Entry): Key {
  if (session.value !== "open") return "jobs.unsent.locked";
  if (!online.value) return "jobs.unsent.offline";
  if (pausedUntil.value !== null) return "jobs.unsent.paused";
  const running = jobs.entries.value.filter((other) => other.id !== null && !isOver(other)).length;
  return running >= MOST_RUNNING && !entry.tried ? "jobs.unsent.full" : "jobs.unsent.sending";
}
