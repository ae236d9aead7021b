import { Hono } from "hono";
import { cancelRoutes } from "./cancel";
import { detectionRoutes } from "./detection";
import type { App } from "./env";
import { Refused, refusal } from "./errors";
import { eventRoutes } from "./events";
import { jobRoutes } from "./jobs";
import { legacyRoutes, pathOf } from "./legacy";
import { Queue } from "./queue";
import { statusRoutes } from "./status";

/** The service's HTTP interface. Everything else is the page, which Cloudflare serves from the assets folder. */
const app = new Hono<App>({ getPath: pathOf });
const queue = new Queue();

app.route("/", jobRoutes);
app.route("/", legacyRoutes);
app.route("/", statusRoutes(queue));
app.route("/", eventRoutes(queue));
app.route("/", detectionRoutes());
app.route("/", cancelRoutes);

app.onError((error, c) => refusal(c, error));
app.notFound((c) => refusal(c, new Refused(404, "not_found", "There is no such address.")));

export default app;
