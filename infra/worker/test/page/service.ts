import { vi } from "vitest";

export interface Asked {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: unknown;
}
type Answers = (asked: Asked) => Response | Error | Promise<Response>;

/** Answer `fetch` and `XMLHttpRequest` by a function, and keep what was asked. */
export function serve(answers: Answers): Asked[] {
  const asked: Asked[] = [];
  const answer = async (one: Asked): Promise<Response> => {
    asked.push(one);
    const said = await answers(one);
    if (said instanceof Error) throw said;
    return said;
  };
  vi.stubGlobal("fetch", (path: string, init: RequestInit = {}) => {
    const body = typeof init.body === "string" ? JSON.parse(init.body) : init.body;
    const headers = Object.fromEntries(new Headers(init.headers));
    return aborted(init.signal ?? null, answer({ method: init.method ?? "GET", path, headers, body }));
  });
  vi.stubGlobal("XMLHttpRequest", requestClass(answer));
  return asked;
}

/** An answer in the service's envelope. */
export function good(data: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return Response.json({ success: true, data }, { status, headers });
}

/** A refusal in the service's envelope. */
export function bad(status: number, code: string, headers: Record<string, string> = {}): Response {
  return Response.json({ success: false, error: `It is ${code}.`, code }, { status, headers });
}

/** No answer at all. */
export const LOST = new TypeError("network");

function aborted<T>(signal: AbortSignal | null, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal?.reason);
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop);
    work.then(resolve, reject);
  });
}

/** As much of XMLHttpRequest as sending a file takes; half of it has gone when it says so. */
function requestClass(answer: (asked: Asked) => Promise<Response>) {
  return class {
    upload: { onprogress?: (event: { loaded: number }) => void } = {};
    onload?: () => void;
    onerror?: () => void;
    onabort?: () => void;
    onloadend?: () => void;
    status = 0;
    responseText = "";
    #asked = { method: "", path: "", headers: {} as Record<string, string>, body: null as unknown };
    #answer = new Headers();

    open(method: string, path: string): void {
      Object.assign(this.#asked, { method, path });
    }
    setRequestHeader(name: string, value: string): void {
      this.#asked.headers[name.toLowerCase()] = value;
    }
    getResponseHeader(name: string): string | null {
      return this.#answer.get(name);
    }
    abort(): void {
      this.onabort?.();
      this.onloadend?.();
    }
    async send(body: Blob): Promise<void> {
      this.#asked.body = body;
      this.upload.onprogress?.({ loaded: body.size / 2 });
      try {
        const response = await answer(this.#asked);
        this.#answer = response.headers;
        this.status = response.status;
        this.responseText = await response.text();
        this.onload?.();
      } catch {
        this.onerror?.();
      }
      this.onloadend?.();
    }
  };
}
