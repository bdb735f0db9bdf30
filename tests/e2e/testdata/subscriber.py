"""A streaming app of Dapr's Python SDK: prints what it gets, one line of JSON for each message."""
import json
import sys

from dapr.clients import DaprClient

with DaprClient() as client:
    subscription = client.subscribe(pubsub_name=sys.argv[1], topic=sys.argv[2])
    for message in subscription:
        print(json.dumps({
            "data": message.data(),
            "bytes": message.raw_data().hex(),
            "type": message.data_content_type(),
            "subject": message.extensions().get("subject"),
        }), flush=True)
        subscription.respond_success(message)
