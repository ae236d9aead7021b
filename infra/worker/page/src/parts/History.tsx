import { useRef } from "preact/hooks";
import type { Entry } from "../entries";
import { moment } from "../format";
import { t } from "../i18n";
import { jobs } from "../jobs";
import { nameOf } from "../jobwords";
import { Dialog } from "./Dialog";
import { CrossIcon } from "./icons";

interface Props {
  open: boolean;
  onClose: () => void;
}

/** All jobs of this browser, as it remembers them; what became of one is asked for when it is shown. */
export function History({ open, onClose }: Props) {
  const chosen = useRef<Entry | null>(null);
  // The dialog gives the focus back when it closes; only then may a card have it.
  const closed = () => {
    onClose();
    if (chosen.current) jobs.reveal(chosen.current.key);
    chosen.current = null;
  };
  const show = (entry: Entry) => {
    chosen.current = entry;
    onClose();
  };
  return (
    <Dialog title={t("jobs.history.title")} open={open} onClose={closed}>
      <p class="small soft">{t("jobs.history.text")}</p>
      <ul class="history">
        {jobs.entries.value.map((entry) => (
          <Row key={entry.key} entry={entry} onShow={() => show(entry)} />
        ))}
      </ul>
    </Dialog>
  );
}

function Row({ entry, onShow }: { entry: Entry; onShow: () => void }) {
  const name = nameOf(entry);
  return (
    <li>
      <button class="plain" type="button" onClick={onShow}>
        {entry.note.thumb ? (
          <img src={entry.note.thumb} alt="" width="44" height="44" />
        ) : (
          <span class="blank" />
        )}
        <span>
          <b>{name}</b>
          <span class="small soft">{moment(entry.madeAt)}</span>
        </span>
      </button>
      {entry.ended || entry.refused ? (
        <button
          class="plain soft"
          type="button"
          aria-label={t("jobs.forget_named", { name })}
          onClick={() => jobs.forget(entry.key)}
        >
          <CrossIcon />
        </button>
      ) : null}
    </li>
  );
}
