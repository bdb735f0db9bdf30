"""Publishes a temperature every two seconds and prints the alarms that come back.

Plain HTTP to the sidecar, nothing to install. dapr run sets the two ports.
"""

import json
import os
import random
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

APP = (os.environ.get("APP_HOST", "127.0.0.1"), int(os.environ.get("APP_PORT", "6001")))
SIDECAR = os.environ.get("DAPR_HTTP_ENDPOINT") or "http://127.0.0.1:" + os.environ.get(
    "DAPR_HTTP_PORT", "3500"
)
PUBSUB = "mqtt-pubsub"
SUBSCRIPTIONS = [
    {"pubsubname": PUBSUB, "topic": "alarms", "route": "/alarms"},
    {"pubsubname": PUBSUB, "topic": "greetings", "route": "/greetings"},
]


class App(BaseHTTPRequestHandler):
    def do_GET(self):
        """The sidecar asks once which topics we want, and where."""
        if self.path == "/dapr/subscribe":
            self.answer(200, SUBSCRIPTIONS)
        else:
            self.answer(404, {})

    def do_POST(self):
        """One message: a CloudEvent. 2xx: handled; any other status: it is delivered again."""
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        print(f"{self.path[1:]}: {json.dumps(event['data'])}")
        self.answer(200, {"status": "SUCCESS"})

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def publish(topic, data):
    """204 means that the broker has it (qos 1)."""
    request = urllib.request.Request(
        f"{SIDECAR}/v1.0/publish/{PUBSUB}/{topic}",
        data=json.dumps(data).encode(),
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=30).close()


def measure():
    stop = threading.Event()
    while not stop.wait(2):
        try:
            publish("sensors/kitchen/temperature", {"celsius": random.randint(15, 35)})
        except OSError as error:  # the sidecar is not there yet, or the broker is away
            print(f"not published: {error}")


if __name__ == "__main__":
    if os.environ.get("MEASURE", "1") == "1":
        threading.Thread(target=measure, daemon=True).start()
    ThreadingHTTPServer(APP, App).serve_forever()
