"""iotcore_broker.py <rumqttd.toml>: the rumqttd inside the package iotcore."""
import signal
import sys

from iotcore.iotcore import IotCoreBroker

signal.signal(signal.SIGTERM, signal.SIG_DFL)
IotCoreBroker(config_path=sys.argv[1]).run_forever()
