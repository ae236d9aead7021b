/** Move focus to an element once the page has been drawn anew; opens what it is folded into. */
export function focusSoon(id: string): void {
  requestAnimationFrame(() => focusNow(id));
}

/** Move focus to an element, opening what it is folded into. */
export function focusNow(id: string): void {
  const element = document.getElementById(id);
  const folded = element?.closest("details");
  if (folded) folded.open = true;
  element?.focus();
}
