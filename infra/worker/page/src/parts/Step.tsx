import type { ComponentChildren } from "preact";

interface Props {
  number: number;
  id: string;
  title: string;
  done?: boolean;
  action?: ComponentChildren;
  children: ComponentChildren;
}

/** One step of putting a swap together, under its numbered heading. */
export function Step({ number, id, title, done = false, action, children }: Props) {
  return (
    <section class={number === 1 ? "step first" : "step"} aria-labelledby={id}>
      <header>
        <span class={done ? "num done" : "num"} aria-hidden="true">
          {done ? "✓" : number}
        </span>
        <h2 id={id} tabIndex={-1}>
          {title}
        </h2>
        {action && <span class="end">{action}</span>}
      </header>
      {children}
    </section>
  );
}
