import { useEffect, useState } from "preact/hooks";

/** The clock in milliseconds, read anew every `everyMs` while a part is shown; null: once. */
export function useNow(everyMs: number | null): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (everyMs === null) return;
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
