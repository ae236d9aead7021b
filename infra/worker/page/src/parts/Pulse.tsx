/** A line for what goes on, with a dot that breathes where motion is wanted. */
export function Pulse({ words }: { words: string }) {
  return (
    <p class="state soft">
      <span class="dot pulse" />
      <span>{words}</span>
    </p>
  );
}
