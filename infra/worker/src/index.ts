import { Hono } from "hono";
import type { App } from "./env";
import { Refused, refusal } from "./errors";

/** The service's HTTP interface. Everything else is the page, which Cloudflare serves from the assets folder. */
const app = new Hono<App>();

app.onError((error, c) => refusal(c, error));
app.notFound((c) => refusal(c, new Refused(404, "not_found", "There is no such address.")));

export default app;
