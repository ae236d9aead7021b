import { choices, choose } from "../options";

interface Props {
  name: "light" | "mouth" | "restore" | "sound" | "ownFrameRate";
  title: string;
  help: string;
}

/** One thing that is done or not, with a sentence on what it does. */
export function Tick({ name, title, help }: Props) {
  return (
    <label class="tick">
      <input
        type="checkbox"
        checked={choices.value[name]}
        aria-describedby={`about-${name}`}
        onChange={(event) => choose({ [name]: event.currentTarget.checked })}
      />
      <span>
        <b>{title}</b>
        <span id={`about-${name}`} class="small soft">
          {help}
        </span>
      </span>
    </label>
  );
}
