import { known, t } from "./i18n";
import { errorWords } from "./jobwords";
import { answered, lost, pause, whenUnpaused } from "./online";
import { tokenGiven } from "./session";

/** The service refused: HTTP `status`, stable `code`, its own sentence as `message`. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly retryAfterS: number | null,
  ) {
    super(message);
  }
}

/** No answer came: nothing is known about the request, and nothing has failed. */
export class NetworkError extends Error {}

export interface Call {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  json?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Bytes to send, and who wants to know how many of them have gone. */
export interface Sending {
  body: Blob;
  headers?: Record<string, string>;
  sent?: (bytes: number) => void;
  signal?: AbortSignal;
}

interface Reply {
  status: number;
  text: string;
  header: (name: string) => string | null;
}

/**
 * Ask the service and give what it answers as `data`, null where there is none.
 *
 * Waits and asks again when the service is busy, or asks for a token. Raises ApiError, NetworkError, or the
 * reason of an aborted `signal`.
 */
export async function call<T>(path: string, init: Call = {}): Promise<T> {
  return data<T>(await patiently(path, () => byFetch(path, init), init.signal));
}

/** As `call`, but null while the answer is still the one of that `etag`. */
export async function callIfChanged<T>(
  path: string,
  etag: string | null,
  signal?: AbortSignal,
): Promise<{ data: T; etag: string | null } | null> {
  const init: Call = { headers: etag ? { "If-None-Match": etag } : {}, ...(signal && { signal }) };
  const reply = await patiently(path, () => byFetch(path, init), signal);
  return reply.status === 304 ? null : { data: data<T>(reply), etag: reply.header("ETag") };
}

/** As `call`, for `PUT` of a file or a part of one, telling how much has gone. */
export async function send<T>(path: string, sending: Sending): Promise<T> {
  return data<T>(await patiently(path, () => byRequest(path, sending), sending.signal));
}

/** What an error means, in the page's language. */
export function sentence(error: unknown): string {
  if (error instanceof NetworkError) return t("common.offline");
  if (!(error instanceof ApiError)) return t("errors.internal");
  const key = `composer.errors.${error.code}`;
  return known(key) ? t(key) : errorWords(error.code, error.message);
}

async function patiently(path: string, ask: () => Promise<Reply>, signal?: AbortSignal): Promise<Reply> {
  for (;;) {
    await whenUnpaused(signal);
    const reply = await ask().catch((error: unknown) => {
      signal?.throwIfAborted();
      lost();
      throw new NetworkError(path, { cause: error });
    });
    answered();
    if (isBusy(reply)) await pause(Number(reply.header("Retry-After")) || 10, signal);
    else if (reply.status === 401 && path !== "/api/session") await tokenGiven(signal);
    else return reply;
  }
}

/** Asked too often; or no room for now, as what stands before the service says it, which has no envelope. */
function isBusy({ status, text }: Reply): boolean {
  return status === 429 || (status === 503 && !parsed(text)?.code);
}

async function byFetch(path: string, init: Call): Promise<Reply> {
  const { json, signal, ...rest } = init;
  const headers = { ...(json !== undefined && { "Content-Type": "application/json" }), ...rest.headers };
  const response = await fetch(path, {
    ...rest,
    headers,
    cache: "no-store",
    ...(json !== undefined && { body: JSON.stringify(json) }),
    ...(signal && { signal }),
  });
  return {
    status: response.status,
    text: await response.text(),
    header: (name) => response.headers.get(name),
  };
}

/** `fetch` tells nothing of what has gone up, XMLHttpRequest does. */
function byRequest(path: string, sending: Sending): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    request.open("PUT", path);
    for (const [name, value] of Object.entries(sending.headers ?? {})) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => sending.sent?.(event.loaded);
    request.onload = () => {
      const header = (name: string) => request.getResponseHeader(name);
      resolve({ status: request.status, text: request.responseText, header });
    };
    request.onerror = request.onabort = () => reject(new TypeError("no answer"));
    request.onloadend = () => sending.signal?.removeEventListener("abort", stop);
    sending.signal?.throwIfAborted();
    sending.signal?.addEventListener("abort", stop, { once: true });
    request.send(sending.body);
  });
}

function data<T>(reply: Reply): T {
  const envelope = parsed(reply.text);
  if (reply.status < 300) {
    if (reply.text && envelope?.success !== true) throw refused(reply, envelope);
    return (envelope?.data ?? null) as T;
  }
  throw refused(reply, envelope);
}

function refused(reply: Reply, envelope: Envelope | null): ApiError {
  const after = Number(reply.header("Retry-After")) || null;
  return new ApiError(reply.status, envelope?.code ?? "unreadable", envelope?.error ?? "", after);
}

interface Envelope {
  success?: boolean;
  data?: unknown;
  error?: string;
  code?: string;
}

function parsed(text: string): Envelope | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}
