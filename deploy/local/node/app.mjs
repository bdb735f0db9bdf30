// Watches temperatures of all rooms and publishes an alarm when one is high.
// Plain HTTP to the sidecar, nothing to install. dapr run sets the two ports.
import { createServer } from "node:http";

const port = Number(process.env.APP_PORT ?? 6002);
const host = process.env.APP_HOST ?? "127.0.0.1";
const sidecar =
  process.env.DAPR_HTTP_ENDPOINT || `http://127.0.0.1:${process.env.DAPR_HTTP_PORT ?? 3500}`;
const pubsub = "mqtt-pubsub";
const tooHot = 25;

const subscriptions = [
  { pubsubname: pubsub, topic: "sensors/+/temperature", route: "/temperature" },
];

async function publish(topic, data) {
  const response = await fetch(`${sidecar}/v1.0/publish/${pubsub}/${topic}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(data),
  });
  if (!response.ok) throw new Error(`publish: ${response.status} ${await response.text()}`);
}

// The real topic under the wildcard comes as a header.
async function temperature(event, topic) {
  console.log(`${topic}: ${event.data.celsius} °C`);
  if (event.data.celsius > tooHot) await publish("alarms", { topic, celsius: event.data.celsius });
}

function answer(response, status, body) {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
}

createServer(async (request, response) => {
  try {
    if (request.url === "/dapr/subscribe") return answer(response, 200, subscriptions);
    if (request.url !== "/temperature") return answer(response, 404, {});
    let text = "";
    for await (const part of request) text += part;
    await temperature(JSON.parse(text), request.headers["mqtt-topic"]);
    answer(response, 200, { status: "SUCCESS" });
  } catch (error) {
    console.log(`failed: ${error.message}`); // 500: the component delivers it again
    answer(response, 500, {});
  }
}).listen(port, host);
