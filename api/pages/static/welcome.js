// Shows the floor as soon as there is one.

import { Feed } from "./feed.js";

const feed = new Feed("/api/v1/live/stream", {
  event(kind, data) {
    if (kind === "snapshot" && Object.keys(data.sites).length) location.reload();
  },
  refused(status) {
    if (status === 401) location.reload();
  },
  change() {},
});
setInterval(() => feed.check(), 1000);
feed.connect();
