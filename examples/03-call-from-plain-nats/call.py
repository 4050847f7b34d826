"""Calls a method of PolyB over a plain socket: JSON to its subject, JSON back."""

import json
import os
import socket
import uuid
from urllib.parse import urlsplit

address = urlsplit(os.environ.get("NATS_URL", "nats://127.0.0.1:4222"))
prefix = os.environ.get("POLYB_SUBJECT_PREFIX", "polyb")


def call(method: str, params: dict, key: str) -> dict:
    """The reply's body. A repeat with the same key and params returns the first reply and changes nothing."""
    inbox = f"_INBOX.{uuid.uuid4().hex}"
    headers = f"NATS/1.0\r\nidempotency-key: {key}\r\npolyb-timeout-ms: 5000\r\n\r\n".encode()
    payload = headers + json.dumps(params).encode()
    with socket.create_connection((address.hostname, address.port or 4222), timeout=10) as nats:
        stream = nats.makefile("rwb")
        stream.write(b'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n')
        stream.write(f"SUB {inbox} 1\r\nHPUB {prefix}.rpc.{method} {inbox} {len(headers)} {len(payload)}\r\n".encode())
        stream.write(payload + b"\r\n")
        stream.flush()
        for line in stream:
            words = line.decode().split()
            if words[0] == "PING":
                stream.write(b"PONG\r\n")
                stream.flush()
            elif words[0] == "-ERR":
                raise PermissionError(line.decode().strip())
            elif words[0] in ("MSG", "HMSG"):
                message = stream.read(int(words[-1]))
                body = message[int(words[-2]) :] if words[0] == "HMSG" else message
                if not body:
                    raise ConnectionError(f"no instance serves {method}")
                return json.loads(body)
    raise ConnectionError("the connection is closed")


for lead in ({"firstName": "Анна", "phoneNumber": "+79995553344"}, {"firstName": "Анна"}):
    reply = call("crm.push_to_crm", lead, key=str(uuid.uuid4()))
    if "code" in reply:
        print(f"{reply['code']}: {reply['detail']}")
    else:
        print(reply["status"], reply["phoneNumber"])
